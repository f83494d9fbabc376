import { FairwayError } from "#base";
import { Errno, isErrno } from "#kernel/ffi";
import { AttributeReader, KernelTransport, NETLINK_NETFILTER, type NetlinkError, NetlinkSocket, type PayloadWriter } from "#kernel/netlink";
import type { NamespaceHandle } from "#kernel/netns";
import { type ChainInfo, decodeChain } from "./chain.ts";
import {
  NFT_MSG_GETCHAIN,
  NFT_MSG_GETGEN,
  NFT_MSG_GETRULE,
  NFT_MSG_GETSET,
  NFT_MSG_GETSETELEM,
  NFT_MSG_GETTABLE,
  NFTA_CHAIN_TABLE,
  NFTA_GEN_ID,
  NFTA_RULE_CHAIN,
  NFTA_RULE_TABLE,
  NFTA_SET_ELEM_LIST_SET,
  NFTA_SET_ELEM_LIST_TABLE,
  NFTA_SET_TABLE,
} from "./constants.ts";
import { decodeElements, type Element, elementAtOffset, elementText } from "./element.ts";
import { batchOf, NFGENMSG_LENGTH, nftRequest, type TableFamily } from "./message.ts";
import { type EncodedOperation, encodeOperations, type NftOperation } from "./operation.ts";
import { decodeRule, type RuleInfo } from "./rule.ts";
import { decodeSet, type SetInfo, type SetSchema } from "./set.ts";
import { decodeTable, type TableInfo, type TableRef } from "./table.ts";

/** How often a transaction is begun again when somebody else changed the ruleset in between. */
const ATTEMPTS = 20;

/** Generations of ours that a monitor can still ask about. */
const REMEMBERED = 4096;

/** A step that the kernel refused; the transaction as a whole was undone. */
export class TransactionError extends FairwayError {
  readonly operation: NftOperation;
  /** The element at fault, when the kernel pointed at one. */
  readonly element: Element | undefined;

  constructor(operation: NftOperation, error: NetlinkError, element?: Element) {
    const where = element && "set" in operation ? `: { ${elementText(element, operation.set)} }` : "";
    super(error.category, `${error.message}${where}`, { code: error.code, context: error.context, cause: error });
    this.name = "TransactionError";
    this.operation = operation;
    this.element = element;
  }
}

/** nf_tables in one namespace: transactions and reads, synchronous. */
export class NftSocket implements Disposable {
  readonly #socket: NetlinkSocket;
  readonly #own = new Set<number>();
  #generation: number | undefined;
  /** Undefined until known: NFT_MSG_DESTROYSETELEM needs Linux 6.3. */
  #destroys: boolean | undefined;

  constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  /** @throws SystemError when the namespace cannot be entered */
  static open(namespace?: string | NamespaceHandle): NftSocket {
    const transport = new KernelTransport({ protocol: NETLINK_NETFILTER, ...(namespace === undefined ? {} : { namespace }) });
    return new NftSocket(new NetlinkSocket(transport));
  }

  /**
   * Does all operations or none, in one atomic change of the ruleset. Messages that change nothing cost nothing. `untracked` spares the two
   * questions, 10 us each, by which `isOwn` learns the change's generation.
   * @throws TransactionError naming the first operation the kernel refused
   */
  transaction(operations: readonly NftOperation[], options: { readonly untracked?: boolean } = {}): void {
    const wanted = this.#destroys === false ? operations.map((operation) => this.#presentOnly(operation)) : operations;
    const encoded = encodeOperations(wanted);
    if (encoded.length === 0) return;
    for (let attempt = 0; ; attempt++) {
      const generation = options.untracked ? undefined : (this.#generation ??= this.generation());
      const requests = batchOf(
        encoded.map(({ request }) => request),
        generation,
      );
      const outcome = this.#outcome(this.#socket.batch(requests, { acknowledge: "errors" }), encoded);
      if (outcome === "committed") {
        if (generation === undefined) this.#generation = undefined;
        else this.#commit(generation);
        return;
      }
      this.#generation = undefined;
      if (outcome === "no destroy") {
        this.#destroys = false;
        this.transaction(operations, options);
        return;
      }
      if (attempt === ATTEMPTS)
        throw new FairwayError(
          "unavailable",
          `Cannot change the nftables ruleset: somebody else changed it during each of ${ATTEMPTS} attempts`,
        );
    }
  }

  #outcome(results: readonly (NetlinkError | undefined)[], encoded: readonly EncodedOperation[]): "committed" | "stale" | "no destroy" {
    const first = results.findIndex((result) => result !== undefined);
    if (first < 0) return "committed";
    const error = results[first]!;
    // ERESTART, 85, is the kernel's word for another generation; EINTR and EAGAIN are those of a change under way.
    if (error.errno === 85 || error.errno === Errno.EINTR || error.errno === Errno.EAGAIN) return "stale";
    const failed = encoded[first - 1];
    if (!failed) throw error;
    const destroying = failed.operation.op === "deleteElements" && failed.operation.ifPresent === true;
    if (destroying && this.#destroys === undefined && (error.errno === Errno.EINVAL || error.errno === Errno.EOPNOTSUPP))
      return "no destroy";
    const { offset } = error.extendedAck;
    const element = failed.part && "set" in failed.operation ? this.#elementOf(failed, offset) : undefined;
    throw new TransactionError(failed.operation, error, element);
  }

  #elementOf({ part, operation }: EncodedOperation, offset: number | undefined): Element | undefined {
    if (!part || !("set" in operation)) return undefined;
    return offset === undefined ? undefined : elementAtOffset(part, operation.set, offset);
  }

  #commit(before: number): void {
    // A transaction that changes nothing makes no generation, so the next number may be somebody else's: the kernel is asked.
    this.#generation = this.generation();
    if (this.#generation === ((before + 1) >>> 0 || 1)) this.#remember(this.#generation);
  }

  #remember(generation: number): void {
    this.#own.add(generation);
    if (this.#own.size > REMEMBERED) this.#own.delete(this.#own.values().next().value!);
  }

  /** For kernels without DESTROYSETELEM: what is there now, to be deleted. */
  #presentOnly(operation: NftOperation): NftOperation {
    if (operation.op !== "deleteElements" || !operation.ifPresent) return operation;
    const there = new Set(this.readElements(operation.set).map(({ key }) => key.join(" ")));
    return { op: "deleteElements", set: operation.set, elements: operation.elements.filter(({ key }) => there.has(key.join(" "))) };
  }

  /** Counts the ruleset as it is now among our own work: for what was done on our behalf by other means, as by libnftables. */
  adoptGeneration(): void {
    this.#generation = this.generation();
    this.#remember(this.#generation);
  }

  /** True when a generation is the result of a transaction of this socket. */
  isOwn(generation: number): boolean {
    return this.#own.has(generation);
  }

  /** The ruleset's generation id: it changes with every change anybody makes. */
  generation(): number {
    const [answer] = this.#socket.request(nftRequest("get generation", NFT_MSG_GETGEN, "inet", 0));
    const reader = new AttributeReader(answer?.payload ?? new Uint8Array(NFGENMSG_LENGTH), NFGENMSG_LENGTH);
    while (reader.next()) if (reader.type === NFTA_GEN_ID) return reader.u32be();
    return 0;
  }

  #dump(operation: string, type: number, family: TableFamily, write?: (writer: PayloadWriter) => void): Uint8Array[] {
    return this.#socket.dump(nftRequest(operation, type, family, 0, write)).map(({ payload }) => payload);
  }

  tables(family: TableFamily = "inet"): TableInfo[] {
    return this.#dump(`list tables ${family}`, NFT_MSG_GETTABLE, family).map(decodeTable);
  }

  /** One table, or undefined. */
  table({ family, table }: TableRef): TableInfo | undefined {
    return this.tables(family).find(({ name }) => name === table);
  }

  chains({ family, table }: TableRef): ChainInfo[] {
    return this.#dump(`list chains ${family}`, NFT_MSG_GETCHAIN, family, (writer) => writer.attrString(NFTA_CHAIN_TABLE, table))
      .map(decodeChain)
      .filter((chain) => chain.table === table);
  }

  /** The rules of a chain, or of every chain of the table, in order; none when there is no such table. */
  rules({ family, table, chain }: TableRef & { readonly chain?: string }): RuleInfo[] {
    const rules = this.#dump(`list rules ${family} ${table} ${chain ?? ""}`, NFT_MSG_GETRULE, family, (writer) => {
      writer.attrString(NFTA_RULE_TABLE, table);
      if (chain !== undefined) writer.attrString(NFTA_RULE_CHAIN, chain);
    });
    return rules.map(decodeRule);
  }

  sets({ family, table }: TableRef): SetInfo[] {
    try {
      return this.#dump(`list sets ${family} ${table}`, NFT_MSG_GETSET, family, (writer) => writer.attrString(NFTA_SET_TABLE, table)).map(
        decodeSet,
      );
    } catch (error) {
      if (isErrno(error, Errno.ENOENT)) return [];
      throw error;
    }
  }

  /** Every element of a set, in canonical text. @throws NetlinkError ENOENT when there is no such set */
  readElements(set: SetSchema): Element[] {
    const payloads = this.#dump(`list set ${set.family} ${set.table} ${set.set}`, NFT_MSG_GETSETELEM, set.family, (writer) =>
      writer.attrString(NFTA_SET_ELEM_LIST_TABLE, set.table).attrString(NFTA_SET_ELEM_LIST_SET, set.set),
    );
    return decodeElements(set, payloads);
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }
}
