import { AttributeReader, type NetlinkRequest, NLM_F_EXCL } from "#kernel/netlink";
import {
  NFT_MSG_DELTABLE,
  NFT_MSG_NEWTABLE,
  NFTA_TABLE_FLAGS,
  NFTA_TABLE_HANDLE,
  NFTA_TABLE_NAME,
  NFTA_TABLE_USE,
  NFTA_TABLE_USERDATA,
} from "./constants.ts";
import { CREATE, familyFromHeader, NFGENMSG_LENGTH, nftRequest, type TableFamily } from "./message.ts";

export interface TableRef {
  readonly family: TableFamily;
  readonly table: string;
}

export interface TableInfo {
  readonly family: TableFamily;
  readonly name: string;
  readonly flags: number;
  /** Chains, sets and objects in it. */
  readonly use: number;
  readonly handle: bigint;
  readonly comment?: string;
}

/** libnftnl's user data: type, length, value; a table's type 0 is the comment that `nft list` prints. */
const UDATA_COMMENT = 0;

function commentData(comment: string): Uint8Array {
  const text = Buffer.from(`${comment}\0`, "utf8");
  if (text.length > 128) throw new RangeError(`Table comment of ${text.length} bytes is longer than 128`);
  return Buffer.concat([Uint8Array.of(UDATA_COMMENT, text.length), text]);
}

/** NFT_TABLE_F_OWNER, Linux 5.12: nobody else may change the table or flush it, and it ends with the socket that made it. */
const NFT_TABLE_F_OWNER = 2;

export interface NewTableOptions {
  readonly exclusive?: boolean;
  readonly comment?: string;
  /** The table is the socket's own. */
  readonly owned?: boolean;
}

export const encodeNewTable = (table: TableRef, options: NewTableOptions = {}): NetlinkRequest =>
  nftRequest(
    `add table ${table.family} ${table.table}`,
    NFT_MSG_NEWTABLE,
    table.family,
    options.exclusive ? CREATE | NLM_F_EXCL : 0,
    (writer) => {
      writer.attrString(NFTA_TABLE_NAME, table.table).attrU32be(NFTA_TABLE_FLAGS, options.owned ? NFT_TABLE_F_OWNER : 0);
      if (options.comment !== undefined) writer.attrBytes(NFTA_TABLE_USERDATA, commentData(options.comment));
    },
  );

/** Deletes a table with everything in it. */
export const encodeDeleteTable = (table: TableRef): NetlinkRequest =>
  nftRequest(`delete table ${table.family} ${table.table}`, NFT_MSG_DELTABLE, table.family, 0, (writer) =>
    writer.attrString(NFTA_TABLE_NAME, table.table),
  );

/** Reads NFT_MSG_NEWTABLE. */
export function decodeTable(payload: Uint8Array): TableInfo {
  const info = { family: familyFromHeader(payload) ?? "inet", name: "", flags: 0, use: 0, handle: 0n } as {
    -readonly [K in keyof TableInfo]: TableInfo[K];
  };
  const reader = new AttributeReader(payload, NFGENMSG_LENGTH);
  while (reader.next()) {
    if (reader.type === NFTA_TABLE_NAME) info.name = reader.string();
    else if (reader.type === NFTA_TABLE_FLAGS) info.flags = reader.u32be();
    else if (reader.type === NFTA_TABLE_USE) info.use = reader.u32be();
    else if (reader.type === NFTA_TABLE_HANDLE) info.handle = reader.u64be();
    else if (reader.type === NFTA_TABLE_USERDATA) {
      const data = reader.bytes();
      if (data.length > 2 && data[0] === UDATA_COMMENT) info.comment = Buffer.from(data.subarray(2, 2 + data[1]! - 1)).toString("utf8");
    }
  }
  return info;
}
