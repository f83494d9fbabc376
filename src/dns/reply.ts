import { decodeName } from "./name.ts";
import {
  FLAG_AA,
  FLAG_AD,
  FLAG_CD,
  FLAG_QR,
  FLAG_RA,
  FLAG_RD,
  FLAG_TC,
  HEADER_LENGTH,
  OPT_LENGTH,
  Rcode,
  RecordType,
  UDP_EDNS_SIZE,
} from "./wire.ts";

/** What is asked of an upstream. */
export interface UpstreamQuestion {
  /** Name, type and class as the client wrote them. */
  readonly wire: Buffer;
  readonly recursionDesired: boolean;
  readonly checkingDisabled: boolean;
  readonly authenticData: boolean;
  readonly dnssecOk: boolean;
}

export interface ReplyRecord {
  readonly section: "answer" | "authority" | "additional";
  readonly type: number;
  readonly start: number;
  readonly end: number;
}

/** A well-formed reply to one of our questions. */
export interface Reply {
  readonly message: Buffer;
  readonly rcode: number;
  readonly truncated: boolean;
  /** The question came back in the letter case it was sent in. */
  readonly caseKept: boolean;
  readonly questionEnd: number;
  /** Up to the OPT record; what stands behind it is left out, so that nothing moves and compression stays right. */
  readonly records: readonly ReplyRecord[];
}

export type ReplyProblem = "not-ours" | "malformed";

/** Encodes the question for an upstream; `wire` is what `parseReply` will compare with. */
export function encodeUpstreamQuery(id: number, wire: Uint8Array, question: UpstreamQuestion, edns: boolean): Buffer {
  const message = Buffer.alloc(HEADER_LENGTH + wire.length + (edns ? OPT_LENGTH : 0));
  message.writeUInt16BE(id, 0);
  message[2] = question.recursionDesired ? FLAG_RD : 0;
  message[3] = (question.checkingDisabled ? FLAG_CD : 0) | (question.authenticData ? FLAG_AD : 0);
  message[5] = 1;
  message.set(wire, HEADER_LENGTH);
  if (!edns) return message;
  message[11] = 1;
  const at = HEADER_LENGTH + wire.length;
  message[at + 2] = RecordType.OPT;
  message.writeUInt16BE(UDP_EDNS_SIZE, at + 3);
  message[at + 7] = question.dnssecOk ? 0x80 : 0;
  return message;
}

const foldCase = (octet: number): number => (octet >= 65 && octet <= 90 ? octet + 32 : octet);

/**
 * Checks that a message answers the question sent and is well-formed throughout. `not-ours` is to be ignored and waited past: it may be a forgery
 * racing the real answer; `malformed` has the right id and question but cannot be used.
 */
export function parseReply(message: Buffer, id: number, wire: Uint8Array): Reply | ReplyProblem {
  if (message.length < HEADER_LENGTH || message.readUInt16BE(0) !== id || (message[2]! & 0xf8) !== FLAG_QR) return "not-ours";
  const header = { message, truncated: (message[2]! & FLAG_TC) !== 0, rcode: message[3]! & 0xf };
  const questions = message.readUInt16BE(4);
  if (questions === 0 && (header.rcode === Rcode.FORMERR || header.rcode === Rcode.NOTIMP))
    return { ...header, caseKept: true, questionEnd: HEADER_LENGTH, records: [] };
  const questionEnd = HEADER_LENGTH + wire.length;
  if (questions !== 1 || message.length < questionEnd) return "not-ours";
  let caseKept = true;
  for (let at = 0; at < wire.length; at++) {
    const got = message[HEADER_LENGTH + at]!;
    const sent = wire[at]!;
    if (got === sent) continue;
    // Type and class are no letters to fold; length octets are below 64 and fold to themselves.
    if (at >= wire.length - 4 || foldCase(got) !== foldCase(sent)) return "not-ours";
    caseKept = false;
  }
  const walked = walkRecords(message, questionEnd);
  if (!walked) return header.truncated ? { ...header, caseKept, questionEnd, records: [] } : "malformed";
  return { ...header, rcode: (walked.extendedRcode << 4) | header.rcode, caseKept, questionEnd, records: walked.records };
}

function walkRecords(message: Buffer, from: number): { records: ReplyRecord[]; extendedRcode: number } | undefined {
  const records: ReplyRecord[] = [];
  let extendedRcode = 0;
  let seenOpt = false;
  let at = from;
  for (const [section, offset] of [
    ["answer", 6],
    ["authority", 8],
    ["additional", 10],
  ] as const) {
    for (let left = message.readUInt16BE(offset); left > 0; left--) {
      const start = at;
      at = checkName(message, at);
      if (at < 0 || at + 10 > message.length) return undefined;
      const type = message.readUInt16BE(at);
      const dataAt = at + 10;
      const end = dataAt + message.readUInt16BE(at + 8);
      if (end > message.length || !checkData(message, type, dataAt, end)) return undefined;
      if (type === RecordType.OPT && section === "additional") {
        extendedRcode = message[at + 4]!;
        seenOpt = true;
      } else if (!seenOpt) records.push({ section, type, start, end });
      at = end;
    }
  }
  return { records, extendedRcode };
}

/**
 * Where a name ends; -1 when it, or what its pointers lead to, is malformed: pointers into the header are, which `fitReply` rewrites. Most owners are one
 * pointer to the question.
 */
function checkName(message: Buffer, at: number): number {
  if (message[at] === 0xc0 && message[at + 1] === HEADER_LENGTH && at + 2 <= message.length) return at + 2;
  return decodeName(message, at, message.length, HEADER_LENGTH)?.next ?? -1;
}

/** Names within record data that stub resolvers expand (RFC 1035 §3.3) must be well-formed too, and addresses have their length. */
function checkData(message: Buffer, type: number, at: number, end: number): boolean {
  switch (type) {
    case RecordType.A:
      return end - at === 4;
    case RecordType.AAAA:
      return end - at === 16;
    case RecordType.NS:
    case RecordType.CNAME:
    case RecordType.PTR:
    case RecordType.DNAME:
      return checkName(message, at) === end;
    case RecordType.MX:
      return end - at > 2 && checkName(message, at + 2) === end;
    case RecordType.SRV:
      return end - at > 6 && checkName(message, at + 6) === end;
    case RecordType.SOA: {
      const second = checkName(message, at);
      return second > 0 && second < end && checkName(message, second) === end - 20;
    }
    default:
      return true;
  }
}

export interface ReplyTarget {
  /** The client's message up to the end of its question. */
  readonly head: Buffer;
  readonly hasEdns: boolean;
  readonly dnssecOk: boolean;
  /** Octets the client takes. */
  readonly room: number;
}

/**
 * The reply as this client gets it: its id, its letter case, an OPT record of ours if it sent one, cut at a record's border when it does not fit. TC
 * says so unless only additional records are missing (RFC 2181 §9).
 */
export function fitReply(reply: Reply, target: ReplyTarget): Buffer {
  const { head } = target;
  const limit = target.room - (target.hasEdns ? OPT_LENGTH : 0);
  const counts = { answer: 0, authority: 0, additional: 0 };
  let cut = head.length;
  let truncated = reply.truncated;
  for (const record of reply.records) {
    if (record.end > limit) {
      truncated ||= record.section !== "additional";
      break;
    }
    counts[record.section]++;
    cut = record.end;
  }
  const out = Buffer.alloc(cut + (target.hasEdns ? OPT_LENGTH : 0));
  reply.message.copy(out, 0, 0, cut);
  head.copy(out);
  // RFC 6840 §5.8: AD is for those who asked for it, by AD or by DO.
  const authentic = target.dnssecOk || (head[3]! & FLAG_AD) !== 0 ? reply.message[3]! & FLAG_AD : 0;
  out[2] = FLAG_QR | (reply.message[2]! & FLAG_AA) | (truncated ? FLAG_TC : 0) | (head[2]! & FLAG_RD);
  out[3] = FLAG_RA | authentic | (head[3]! & FLAG_CD) | (reply.rcode & 0xf);
  out.writeUInt16BE(1, 4);
  out.writeUInt16BE(counts.answer, 6);
  out.writeUInt16BE(counts.authority, 8);
  out.writeUInt16BE(counts.additional + (target.hasEdns ? 1 : 0), 10);
  if (target.hasEdns) {
    out[cut + 2] = RecordType.OPT;
    out.writeUInt16BE(UDP_EDNS_SIZE, cut + 3);
    out[cut + 5] = reply.rcode >> 4;
    out[cut + 7] = target.dnssecOk ? 0x80 : 0;
  }
  return out;
}

/** Letters of the name in random case, drawn from `random` bit by bit (draft-vixie-dnsext-dns0x20): 1 bit a letter that a forger has to guess. */
export function randomCase(wire: Uint8Array, random: Uint8Array): Buffer {
  const out = Buffer.from(wire);
  for (let at = 0; at < out.length - 4; at++) {
    const lower = out[at]! | 0x20;
    if (lower < 97 || lower > 122 || out[at]! < 65) continue;
    const bit = (random[(at >> 3) % random.length]! >> (at & 7)) & 1;
    out[at] = bit ? lower & ~0x20 : lower;
  }
  return out;
}
