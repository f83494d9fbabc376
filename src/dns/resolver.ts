import type { AnswerWriter } from "./answer.ts";
import { type BudgetOptions, ForwardBudget } from "./budget.ts";
import type { Forwarder, ForwardResult } from "./forwarder.ts";
import { isWithin, type NameKey, nameKey } from "./name.ts";
import { UNANSWERABLE } from "./query.ts";
import { newCounters } from "./query-log.ts";
import { fitReply, type ReplyTarget } from "./reply.ts";
import { reverse4, reverse6 } from "./reverse.ts";
import { answerPtr, answerService, askedPort, parseServiceKey } from "./special.ts";
import { SandboxView, type SandboxViewSpec } from "./view.ts";
import { FLAG_QR, isTransferType, Rcode, RecordClass, RecordType, TCP_MAX_MESSAGE, UDP_MAX_ANSWER } from "./wire.ts";
import type { DnsZones, NameEntry, ZoneRecord } from "./zones.ts";

/** `answer()`: the query goes to an upstream, call `forward()`. */
export const FORWARD = -1 as const;

/** Questions a sandbox may have in flight even when the others have taken up all there is. */
const GUARANTEED = 4;
const LOOPBACK4 = 0x7f000001;
const LOOPBACK6 = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
const LOCALHOST = nameKey("localhost")!;

/**
 * Answers the queries of one sandbox. What it decides, in order:
 *  1. a message that is no query is dropped or answered FORMERR, NOTIMP, BADVERS; zone transfers REFUSED;
 *  2. a name of a container, alias or link: its addresses; NOERROR without records for any other type, so that such a query never leaves;
 *  3. PTR of a container's address; SRV of its services; localhost (RFC 6761);
 *  4. single-label names and names under `internal` that are not known: NXDOMAIN, whatever ndots says. Both musl and glibc go on to the search
 *     list after NXDOMAIN; musl ends the search after NOERROR;
 *  5. with internal networks only: NXDOMAIN, since SERVFAIL and REFUSED make musl wait 5 s and more for an answer that cannot come;
 *  6. everything else is forwarded.
 */
export class SandboxResolver {
  readonly counters = newCounters();
  readonly #zones: DnsZones;
  readonly #view: SandboxView;
  readonly #forwarder: Forwarder;
  readonly #budget: ForwardBudget;
  readonly #writer: AnswerWriter;
  readonly #closed = new AbortController();
  /** Identical questions in flight share one answer. */
  readonly #asking = new Map<string, Promise<ForwardResult>>();
  #spec: SandboxViewSpec;
  #privateKeys: readonly NameKey[] = [];

  constructor(zones: DnsZones, spec: SandboxViewSpec, forwarder: Forwarder, limits: BudgetOptions = {}) {
    this.#zones = zones;
    this.#view = new SandboxView(zones);
    this.#forwarder = forwarder;
    this.#budget = new ForwardBudget(limits);
    this.#writer = zones.writer;
    this.#spec = spec;
    this.update(spec);
  }

  get spec(): SandboxViewSpec {
    return this.#spec;
  }

  /** Networks, links or upstreams changed. The next query sees it. */
  update(spec: SandboxViewSpec): void {
    this.#spec = spec;
    this.#privateKeys = (spec.privateDomains ?? ["internal"]).map((domain) => nameKey(domain)).filter((key) => key !== undefined);
    this.#view.update(spec);
  }

  /** Ends what is in flight and lets go of the networks. */
  close(): void {
    this.#closed.abort();
    this.#view.close();
  }

  /**
   * Answers the query in `from[start, end)` into `into` at `at`. Queries come one at a time: `forward()` must be called before the next `answer()`.
   * @returns the answer's length; 0 for no answer at all; `FORWARD`
   */
  answer(from: Uint8Array, start: number, end: number, into: Uint8Array, at: number, room: number, overTcp: boolean): number {
    const query = this.#zones.reader;
    const writer = this.#writer;
    this.counters.queries++;
    const problem = query.read(from, start, end);
    if (problem !== Rcode.NOERROR) {
      this.counters.malformed++;
      return problem === UNANSWERABLE ? 0 : writer.empty(query, from, into, at, problem);
    }
    const limit = overTcp ? room : Math.min(room, query.udpSize);
    const { key, type } = query;
    if (query.class === RecordClass.IN) {
      const entry = this.#view.find(key, query.labels);
      if (entry) {
        this.counters.local++;
        writer.begin(query, from, into, at, limit);
        if (type === RecordType.A) writeAddresses4(writer, entry);
        else if (type === RecordType.AAAA) writeAddresses6(writer, entry);
        else if (type === RecordType.ANY && writeAddresses4(writer, entry)) writeAddresses6(writer, entry);
        return writer.finish(Rcode.NOERROR);
      }
      const special = this.#special(key, type, from, into, at, limit);
      if (special > 0) {
        this.counters.local++;
        return special;
      }
    }
    if (isTransferType(type) || type === RecordType.OPT) {
      this.counters.refused++;
      return writer.empty(query, from, into, at, Rcode.REFUSED);
    }
    if (this.#spec.internalOnly || query.labels === 1 || this.#isPrivate(key)) {
      this.counters.withheld++;
      return writer.empty(query, from, into, at, Rcode.NXDOMAIN);
    }
    return FORWARD;
  }

  /** As `answer()` for a query that came over TCP, with the answer in a buffer of its own. */
  answerStream(query: Uint8Array): Buffer | 0 | typeof FORWARD {
    const { page } = this.#zones;
    const length = this.answer(query, 0, query.length, page, 0, page.length, true);
    if (length === FORWARD || length === 0) return length;
    return Buffer.from(page.subarray(0, length));
  }

  /** PTR, SRV and localhost. @returns 0 when it is none of ours */
  #special(key: NameKey, type: number, from: Uint8Array, into: Uint8Array, at: number, limit: number): number {
    const query = this.#zones.reader;
    const writer = this.#writer;
    if (type === RecordType.PTR) {
      const ip4 = reverse4(key);
      const ip6 = ip4 < 0 ? reverse6(key) : undefined;
      const found = ip4 >= 0 || ip6 !== undefined ? this.#view.findAddress(ip4, ip6) : undefined;
      if (!found) return 0;
      writer.begin(query, from, into, at, limit);
      answerPtr(writer, found.record, found.table);
      return writer.finish(Rcode.NOERROR);
    }
    if (type === RecordType.SRV) {
      const asked = parseServiceKey(key);
      const entry = asked && this.#view.find(asked.rest, query.labels - 2);
      if (!entry) return 0;
      writer.begin(query, from, into, at, limit);
      answerService(writer, asked.proto, askedPort(asked, this.#zones.servicePorts), entry, this.#view.networkOf(entry));
      return writer.finish(Rcode.NOERROR);
    }
    if (isWithin(key, LOCALHOST)) {
      writer.begin(query, from, into, at, limit);
      if (type === RecordType.A) writer.a(LOOPBACK4);
      if (type === RecordType.AAAA) writer.aaaa(LOOPBACK6);
      return writer.finish(Rcode.NOERROR);
    }
    return 0;
  }

  #isPrivate(key: NameKey): boolean {
    return this.#privateKeys.some((domain) => isWithin(key, domain));
  }

  /** Asks the upstreams about the query that `answer()` just read. Never rejects; undefined when the sandbox is gone. */
  forward(from: Uint8Array, overTcp: boolean): Promise<{ readonly answer: Buffer; readonly upstream: string | undefined } | undefined> {
    const query = this.#zones.reader;
    const head = Buffer.from(from.subarray(query.start, query.questionEnd));
    const target: ReplyTarget = {
      head,
      hasEdns: query.hasEdns,
      dnssecOk: query.dnssecOk,
      room: overTcp ? TCP_MAX_MESSAGE : Math.min(query.udpSize, UDP_MAX_ANSWER),
    };
    const flags = query.recursionDesired | query.checkingDisabled | query.authenticData;
    const id = `${flags} ${query.dnssecOk} ${query.type} ${query.class} ${query.key}`;
    let asking = this.#asking.get(id);
    if (!asking) {
      const crowdedOut = this.#forwarder.full && this.#budget.inFlight >= GUARANTEED;
      if (crowdedOut || !this.#budget.take(performance.now())) {
        this.counters.refused++;
        return Promise.resolve({ answer: fail(target, Rcode.REFUSED), upstream: undefined });
      }
      const question = {
        wire: head.subarray(12),
        recursionDesired: query.recursionDesired !== 0,
        checkingDisabled: query.checkingDisabled !== 0,
        authenticData: query.authenticData !== 0,
        dnssecOk: query.dnssecOk,
      };
      this.#budget.inFlight++;
      asking = this.#forwarder.ask(question, this.#spec.upstreams ?? [], this.#closed.signal).finally(() => {
        this.#budget.inFlight--;
        this.#asking.delete(id);
      });
      this.#asking.set(id, asking);
    }
    this.counters.forwarded++;
    return asking.then(({ reply, upstream }) => {
      if (this.#closed.signal.aborted) return undefined;
      if (!reply) this.counters.failed++;
      return { answer: reply ? fitReply(reply, target) : fail(target, Rcode.SERVFAIL), upstream: upstream?.address };
    });
  }
}

function fail(target: ReplyTarget, rcode: number): Buffer {
  const message = Buffer.alloc(12);
  message[2] = FLAG_QR;
  return fitReply({ message, rcode, truncated: false, caseKept: true, questionEnd: 12, records: [] }, target);
}

/** All of a name's addresses of one family, in random order when there are several. @returns false when they did not all fit */
function writeAddresses4(writer: AnswerWriter, entry: NameEntry): boolean {
  const records = entry.v4;
  if (records.length === 1) return writer.a(records[0]!.ip4);
  for (const record of shuffled(records)) if (!writer.a(record.ip4)) return false;
  return true;
}

function writeAddresses6(writer: AnswerWriter, entry: NameEntry): boolean {
  const records = entry.v6;
  if (records.length === 1) return writer.aaaa(records[0]!.ip6!);
  for (const record of shuffled(records)) if (!writer.aaaa(record.ip6!)) return false;
  return true;
}

function shuffled(records: readonly ZoneRecord[]): readonly ZoneRecord[] {
  const order = records.slice();
  for (let left = order.length - 1; left > 0; left--) {
    const pick = Math.floor(Math.random() * (left + 1));
    const taken = order[pick]!;
    order[pick] = order[left]!;
    order[left] = taken;
  }
  return order;
}
