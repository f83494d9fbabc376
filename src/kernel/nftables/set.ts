import { AttributeReader, type NetlinkRequest, NLM_F_EXCL } from "#kernel/netlink";
import {
  NFT_MSG_DELSET,
  NFT_MSG_NEWSET,
  NFT_SET_CONCAT,
  NFT_SET_INTERVAL,
  NFT_SET_MAP,
  NFTA_LIST_ELEM,
  NFTA_SET_DATA_LEN,
  NFTA_SET_DATA_TYPE,
  NFTA_SET_DESC,
  NFTA_SET_DESC_CONCAT,
  NFTA_SET_FIELD_LEN,
  NFTA_SET_FLAGS,
  NFTA_SET_HANDLE,
  NFTA_SET_ID,
  NFTA_SET_KEY_LEN,
  NFTA_SET_KEY_TYPE,
  NFTA_SET_NAME,
  NFTA_SET_TABLE,
} from "./constants.ts";
import { concatSize, FIELDS, type SetField, typeIdOf } from "./fields.ts";
import { CREATE, familyFromHeader, NFGENMSG_LENGTH, nftRequest, type TableFamily } from "./message.ts";

/** Where a set is and what its elements are: all that the element codec needs. */
export interface SetSchema {
  readonly family: TableFamily;
  readonly table: string;
  readonly set: string;
  readonly key: readonly SetField[];
  /** A map's data fields, or `"verdict"`. */
  readonly value?: readonly SetField[] | "verdict";
  /** `flags interval`: keys may be ranges and prefixes. */
  readonly interval?: boolean;
}

/** A set as the kernel describes it. */
export interface SetInfo {
  readonly family: TableFamily;
  readonly table: string;
  readonly name: string;
  /** NFT_SET_* */
  readonly flags: number;
  /** nft's type number of the key, six bits a field. */
  readonly keyType: number;
  readonly keyLength: number;
  readonly dataType?: number;
  readonly dataLength?: number;
  readonly handle: bigint;
}

/** nft's number for a map of verdicts. */
const VERDICT_TYPE = 0xffffff00;

const keyLength = (fields: readonly SetField[]): number => (fields.length === 1 ? FIELDS[fields[0]!].size : concatSize(fields));

export const setFlags = (set: SetSchema): number =>
  (set.interval ? NFT_SET_INTERVAL : 0) | (set.value ? NFT_SET_MAP : 0) | (set.interval && set.key.length > 1 ? NFT_SET_CONCAT : 0);

const dataTypeOf = (value: SetSchema["value"]): number | undefined =>
  value === undefined ? undefined : value === "verdict" ? VERDICT_TYPE : typeIdOf(value);

/** Whether the kernel's set takes the elements of a schema. */
export const isOfSchema = (info: SetInfo, set: SetSchema): boolean =>
  info.name === set.set && info.flags === setFlags(set) && info.keyType === typeIdOf(set.key) && info.dataType === dataTypeOf(set.value);

/** `add set` or `add map`; `id` tells sets that are new in one transaction apart. */
export function encodeNewSet(set: SetSchema, options: { readonly exclusive?: boolean; readonly id: number }): NetlinkRequest {
  const operation = `add ${set.value ? "map" : "set"} ${set.family} ${set.table} ${set.set}`;
  return nftRequest(operation, NFT_MSG_NEWSET, set.family, CREATE | (options.exclusive ? NLM_F_EXCL : 0), (writer) => {
    writer
      .attrString(NFTA_SET_TABLE, set.table)
      .attrString(NFTA_SET_NAME, set.set)
      .attrU32be(NFTA_SET_FLAGS, setFlags(set))
      .attrU32be(NFTA_SET_KEY_TYPE, typeIdOf(set.key))
      .attrU32be(NFTA_SET_KEY_LEN, keyLength(set.key));
    if (set.value) {
      const verdict = set.value === "verdict";
      writer.attrU32be(NFTA_SET_DATA_TYPE, dataTypeOf(set.value)!);
      writer.attrU32be(NFTA_SET_DATA_LEN, verdict ? 0 : keyLength(set.value as readonly SetField[]));
    }
    writer.attrU32be(NFTA_SET_ID, options.id);
    if (!set.interval || set.key.length < 2) return;
    writer.nested(NFTA_SET_DESC, (description) =>
      description.nested(NFTA_SET_DESC_CONCAT, (concat) => {
        for (const field of set.key) concat.nested(NFTA_LIST_ELEM, (element) => element.attrU32be(NFTA_SET_FIELD_LEN, FIELDS[field].size));
      }),
    );
  });
}

export const encodeDeleteSet = (set: Pick<SetSchema, "family" | "table" | "set">): NetlinkRequest =>
  nftRequest(`delete set ${set.family} ${set.table} ${set.set}`, NFT_MSG_DELSET, set.family, 0, (writer) =>
    writer.attrString(NFTA_SET_TABLE, set.table).attrString(NFTA_SET_NAME, set.set),
  );

/** Reads NFT_MSG_NEWSET. */
export function decodeSet(payload: Uint8Array): SetInfo {
  const info = { family: familyFromHeader(payload) ?? "inet", table: "", name: "", flags: 0, keyType: 0, keyLength: 0, handle: 0n } as {
    -readonly [K in keyof SetInfo]: SetInfo[K];
  };
  const reader = new AttributeReader(payload, NFGENMSG_LENGTH);
  while (reader.next()) {
    if (reader.type === NFTA_SET_TABLE) info.table = reader.string();
    else if (reader.type === NFTA_SET_NAME) info.name = reader.string();
    else if (reader.type === NFTA_SET_FLAGS) info.flags = reader.u32be();
    else if (reader.type === NFTA_SET_KEY_TYPE) info.keyType = reader.u32be();
    else if (reader.type === NFTA_SET_KEY_LEN) info.keyLength = reader.u32be();
    else if (reader.type === NFTA_SET_DATA_TYPE) info.dataType = reader.u32be();
    else if (reader.type === NFTA_SET_DATA_LEN) info.dataLength = reader.u32be();
    else if (reader.type === NFTA_SET_HANDLE) info.handle = reader.u64be();
  }
  return info;
}
