import {
  FLAG_AD,
  FLAG_CD,
  FLAG_QR,
  FLAG_RD,
  FLAG_TC,
  HEADER_LENGTH,
  MAX_LABEL_LENGTH,
  MAX_NAME_LENGTH,
  Rcode,
  RecordType,
  UDP_PLAIN_SIZE,
} from "./wire.ts";

/** `read()` found a message that must not be answered at all: shorter than a header, or itself a response. */
export const UNANSWERABLE = -1;

/**
 * Reads one query in place: no copy, no allocation but the name's key. It is reused for every query of every sandbox, so what has to outlive
 * the call that read it is copied out.
 */
export class QueryReader {
  /** Where the message starts and the question ends in the buffer last read. */
  start = 0;
  questionEnd = 0;
  /** Lower-case wire form of the name, without the root's octet. */
  key = "";
  labels = 0;
  type = 0;
  class = 0;
  /** Header octets 2 and 3 of a response: what is echoed of the query's flags (RD; CD by RFC 4035 §3.2.2). */
  recursionDesired = 0;
  checkingDisabled = 0;
  /** The client wants to hear whether an answer was validated (RFC 6840 §5.7), as the C library does with `options trust-ad`. */
  authenticData = 0;
  hasEdns = false;
  dnssecOk = false;
  /** The UDP size the client takes; 512 without EDNS and never less (RFC 6891 §6.2.3). */
  udpSize = UDP_PLAIN_SIZE;
  readonly #lower = Buffer.alloc(MAX_NAME_LENGTH + 1);

  /** @returns `Rcode.NOERROR` for a good query, `UNANSWERABLE`, or the rcode to answer with. Octets after the last record are an error too. */
  read(buffer: Uint8Array, start: number, end: number): number {
    this.start = start;
    this.questionEnd = start + HEADER_LENGTH;
    this.hasEdns = false;
    this.dnssecOk = false;
    this.udpSize = UDP_PLAIN_SIZE;
    this.key = "";
    this.labels = 0;
    this.type = 0;
    if (end - start < HEADER_LENGTH || (buffer[start + 2]! & FLAG_QR) !== 0) return UNANSWERABLE;
    const flags = buffer[start + 2]!;
    this.recursionDesired = flags & FLAG_RD;
    this.checkingDisabled = buffer[start + 3]! & FLAG_CD;
    this.authenticData = buffer[start + 3]! & FLAG_AD;
    if ((flags & 0x78) !== 0) return Rcode.NOTIMP;
    if ((flags & FLAG_TC) !== 0) return Rcode.FORMERR;
    if (buffer[start + 4] !== 0 || buffer[start + 5] !== 1) return Rcode.FORMERR;
    if ((buffer[start + 6]! | buffer[start + 7]! | buffer[start + 8]! | buffer[start + 9]!) !== 0) return Rcode.FORMERR;

    const lower = this.#lower;
    let at = start + HEADER_LENGTH;
    let out = 0;
    for (;;) {
      if (at >= end) return Rcode.FORMERR;
      const length = buffer[at++]!;
      if (length === 0) break;
      // A pointer here could lead only into the header or to itself.
      if (length > MAX_LABEL_LENGTH || at + length >= end || out + length + 2 > MAX_NAME_LENGTH) return Rcode.FORMERR;
      lower[out++] = length;
      for (const stop = at + length; at < stop; at++) {
        const octet = buffer[at]!;
        lower[out++] = octet >= 65 && octet <= 90 ? octet + 32 : octet;
      }
      this.labels++;
    }
    if (at + 4 > end) return Rcode.FORMERR;
    this.type = (buffer[at]! << 8) | buffer[at + 1]!;
    this.class = (buffer[at + 2]! << 8) | buffer[at + 3]!;
    at += 4;
    this.key = lower.toString("latin1", 0, out);
    this.questionEnd = at;

    const additional = (buffer[start + 10]! << 8) | buffer[start + 11]!;
    if (additional > 0) return this.#readAdditional(buffer, at, end, additional);
    return at === end ? Rcode.NOERROR : Rcode.FORMERR;
  }

  /** Steps over additional records (TSIG, SIG(0)) and keeps what the one OPT says. */
  #readAdditional(buffer: Uint8Array, from: number, end: number, count: number): number {
    let at = from;
    let badVersion = false;
    for (let record = 0; record < count; record++) {
      const owner = at;
      at = skipName(buffer, at, end, this.start);
      if (at < 0 || at + 10 > end) return Rcode.FORMERR;
      const type = (buffer[at]! << 8) | buffer[at + 1]!;
      const length = (buffer[at + 8]! << 8) | buffer[at + 9]!;
      if (type === RecordType.OPT) {
        if (this.hasEdns || buffer[owner] !== 0) return Rcode.FORMERR;
        this.hasEdns = true;
        this.udpSize = Math.max(UDP_PLAIN_SIZE, (buffer[at + 2]! << 8) | buffer[at + 3]!);
        badVersion = buffer[at + 5] !== 0;
        this.dnssecOk = (buffer[at + 6]! & 0x80) !== 0;
      }
      at += 10 + length;
      if (at > end) return Rcode.FORMERR;
    }
    if (at !== end) return Rcode.FORMERR;
    return badVersion ? Rcode.BADVERS : Rcode.NOERROR;
  }
}

/** The offset after a name, checking its form but not following pointers, which must lead backwards; -1 when malformed. `base` is where the message starts. */
export function skipName(buffer: Uint8Array, start: number, end: number, base: number): number {
  for (let at = start; at < end; ) {
    const length = buffer[at]!;
    if (length === 0) return at + 1;
    if (length >= 0xc0) {
      if (at + 2 > end) return -1;
      return base + (((length & 0x3f) << 8) | buffer[at + 1]!) < start ? at + 2 : -1;
    }
    if (length > MAX_LABEL_LENGTH) return -1;
    at += 1 + length;
    if (at - start > MAX_NAME_LENGTH) return -1;
  }
  return -1;
}
