import type { FileDescriptor } from "#kernel/ffi";
import { AttributeReader, KernelTransport, NETLINK_NETFILTER, type NetlinkMessage, NetlinkSocket } from "#kernel/netlink";
import type { NamespaceHandle } from "#kernel/netns";
import {
  NFNL_SUBSYS_NFTABLES,
  NFNLGRP_NFTABLES,
  NFT_MSG_DELCHAIN,
  NFT_MSG_DELRULE,
  NFT_MSG_DELSET,
  NFT_MSG_DELSETELEM,
  NFT_MSG_DELTABLE,
  NFT_MSG_NEWCHAIN,
  NFT_MSG_NEWGEN,
  NFT_MSG_NEWRULE,
  NFT_MSG_NEWSET,
  NFT_MSG_NEWSETELEM,
  NFT_MSG_NEWTABLE,
  NFTA_GEN_ID,
  NFTA_GEN_PROC_NAME,
  NFTA_GEN_PROC_PID,
} from "./constants.ts";
import { familyFromHeader, NFGENMSG_LENGTH, type TableFamily } from "./message.ts";

/** What was done to one object. Equal changes of a transaction are told once: 10,000 new elements of a set are one change. */
export interface RulesetChange {
  readonly action: "new" | "delete";
  readonly kind: "table" | "chain" | "rule" | "set" | "element";
  readonly family: TableFamily;
  readonly table: string;
  /** Chain or set; a rule's chain, an element's set. */
  readonly name?: string;
}

/** One committed transaction, whoever made it. */
export interface RulesetEvent {
  readonly generation: number;
  readonly pid: number;
  /** `nft`, `firewalld`, `node`… */
  readonly process: string;
  readonly changes: readonly RulesetChange[];
}

const KINDS: Readonly<Record<number, Pick<RulesetChange, "action" | "kind">>> = {
  [NFT_MSG_NEWTABLE]: { action: "new", kind: "table" },
  [NFT_MSG_DELTABLE]: { action: "delete", kind: "table" },
  [NFT_MSG_NEWCHAIN]: { action: "new", kind: "chain" },
  [NFT_MSG_DELCHAIN]: { action: "delete", kind: "chain" },
  [NFT_MSG_NEWRULE]: { action: "new", kind: "rule" },
  [NFT_MSG_DELRULE]: { action: "delete", kind: "rule" },
  [NFT_MSG_NEWSET]: { action: "new", kind: "set" },
  [NFT_MSG_DELSET]: { action: "delete", kind: "set" },
  [NFT_MSG_NEWSETELEM]: { action: "new", kind: "element" },
  [NFT_MSG_DELSETELEM]: { action: "delete", kind: "element" },
};

/** The attribute that names a kind's object; the table's name is attribute 1 of all of them. */
const NAME_ATTRIBUTE = { table: 0, chain: 3, rule: 2, set: 2, element: 2 } as const;

function decodeChange({ type, payload }: NetlinkMessage): RulesetChange | undefined {
  const known = KINDS[type & 0xff];
  const family = familyFromHeader(payload);
  if (!known || !family) return undefined;
  let table = "";
  let name: string | undefined;
  const reader = new AttributeReader(payload, NFGENMSG_LENGTH);
  while (reader.next()) {
    if (reader.type === 1) table = reader.string();
    else if (reader.type === NAME_ATTRIBUTE[known.kind]) name = reader.string();
  }
  return { ...known, family, table, ...(name === undefined ? {} : { name }) };
}

/** Puts multicast messages together to transactions: changes come first, then the generation that ends them. */
export class RulesetEventDecoder {
  #changes = new Map<string, RulesetChange>();

  *decode(messages: Iterable<NetlinkMessage>): Generator<RulesetEvent> {
    for (const message of messages) {
      if (message.type >> 8 !== NFNL_SUBSYS_NFTABLES) continue;
      if ((message.type & 0xff) === NFT_MSG_NEWGEN) {
        yield this.#end(message.payload);
        continue;
      }
      const change = decodeChange(message);
      if (change) this.#changes.set(Object.values(change).join(" "), change);
    }
  }

  #end(payload: Uint8Array): RulesetEvent {
    let [generation, pid, process] = [0, 0, ""];
    const reader = new AttributeReader(payload, NFGENMSG_LENGTH);
    while (reader.next()) {
      if (reader.type === NFTA_GEN_ID) generation = reader.u32be();
      else if (reader.type === NFTA_GEN_PROC_PID) pid = reader.u32be();
      else if (reader.type === NFTA_GEN_PROC_NAME) process = reader.string();
    }
    const changes = [...this.#changes.values()];
    this.#changes = new Map();
    return { generation, pid, process, changes };
  }
}

/** Hears of every change of a namespace's ruleset. Which of them are one's own, `NftSocket.isOwn(event.generation)` knows. */
export class NftMonitor implements Disposable {
  readonly #transport: KernelTransport;
  readonly #socket: NetlinkSocket;
  readonly #decoder = new RulesetEventDecoder();

  /** @throws SystemError when the namespace cannot be entered */
  constructor(namespace?: string | NamespaceHandle) {
    this.#transport = new KernelTransport({
      protocol: NETLINK_NETFILTER,
      groups: [NFNLGRP_NFTABLES],
      ...(namespace === undefined ? {} : { namespace }),
    });
    this.#socket = new NetlinkSocket(this.#transport);
  }

  /** For a `Poller`: readable when there is something to `drain()`. */
  get descriptor(): FileDescriptor {
    return this.#transport.socket;
  }

  /** What happened since the last call, without waiting. After `resync` some was missed, and the ruleset must be read again. */
  drain(): { readonly events: readonly RulesetEvent[]; readonly resync: boolean } {
    const { messages, resync } = this.#socket.drain();
    return { events: [...this.#decoder.decode(messages)], resync };
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }
}
