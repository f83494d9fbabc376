import type { QueryReader } from "./query.ts";
import { CONTAINER_TTL, FLAG_QR, FLAG_RA, FLAG_TC, HEADER_LENGTH, OPT_LENGTH, Rcode, RecordType, UDP_EDNS_SIZE } from "./wire.ts";

/**
 * Writes one answer into a reused buffer: header and question first, then records, then `finish()`. The question is copied octet for octet, so the
 * client's letter case (0x20) comes back; owner names are pointers to it. No SOA goes with empty answers and NXDOMAIN: without one they may not be
 * cached (RFC 2308 §5), and a name that starts to exist a moment later has to be seen.
 */
export class AnswerWriter {
  #into: Uint8Array = new Uint8Array(0);
  #start = 0;
  #limit = 0;
  #at = 0;
  #answers = 0;
  #additional = 0;
  #edns = false;
  #dnssecOk = false;

  /** @param room octets the whole answer may have */
  begin(query: QueryReader, from: Uint8Array, into: Uint8Array, at: number, room: number): void {
    const length = query.questionEnd - query.start;
    for (let position = 0; position < length; position++) into[at + position] = from[query.start + position]!;
    into[at + 2] = FLAG_QR | (from[query.start + 2]! & 0x78) | query.recursionDesired;
    into[at + 3] = FLAG_RA | query.checkingDisabled;
    into[at + 4] = 0;
    into[at + 5] = length > HEADER_LENGTH ? 1 : 0;
    into[at + 6] = into[at + 7] = into[at + 8] = into[at + 9] = into[at + 10] = into[at + 11] = 0;
    this.#into = into;
    this.#start = at;
    this.#at = at + length;
    this.#edns = query.hasEdns;
    this.#dnssecOk = query.dnssecOk;
    this.#limit = at + room - (query.hasEdns ? OPT_LENGTH : 0);
    this.#answers = 0;
    this.#additional = 0;
  }

  /** An A record of the question's name. @returns false when it does not fit: the answer is marked truncated */
  a(address: number): boolean {
    const at = this.#record(RecordType.A, 4);
    if (at < 0) return false;
    const into = this.#into;
    into[at] = address >>> 24;
    into[at + 1] = address >>> 16;
    into[at + 2] = address >>> 8;
    into[at + 3] = address;
    this.#answers++;
    return true;
  }

  aaaa(address: Uint8Array): boolean {
    const at = this.#record(RecordType.AAAA, 16);
    if (at < 0) return false;
    for (let position = 0; position < 16; position++) this.#into[at + position] = address[position]!;
    this.#answers++;
    return true;
  }

  /** A record whose data is given; the owner is the question's name. */
  record(type: number, data: Uint8Array): boolean {
    const at = this.#record(type, data.length);
    if (at < 0) return false;
    this.#into.set(data, at);
    this.#answers++;
    return true;
  }

  /** An additional record with its own owner, left out without a mark when it does not fit. */
  additional(owner: Uint8Array, type: number, data: Uint8Array): void {
    if (this.#at + owner.length + 10 + data.length > this.#limit) return;
    this.#into.set(owner, this.#at);
    const at = this.#fixed(this.#at + owner.length, type, data.length);
    this.#into.set(data, at);
    this.#at = at + data.length;
    this.#additional++;
  }

  /** @returns the answer's length */
  finish(rcode: number): number {
    const into = this.#into;
    const start = this.#start;
    if (this.#edns) {
      const at = this.#at;
      into[at] = 0;
      into[at + 1] = 0;
      into[at + 2] = RecordType.OPT;
      into[at + 3] = UDP_EDNS_SIZE >> 8;
      into[at + 4] = UDP_EDNS_SIZE & 0xff;
      into[at + 5] = rcode >> 4;
      into[at + 6] = 0;
      into[at + 7] = this.#dnssecOk ? 0x80 : 0;
      into[at + 8] = into[at + 9] = into[at + 10] = 0;
      this.#at += OPT_LENGTH;
      this.#additional++;
    }
    into[start + 3]! |= rcode & 0xf;
    into[start + 6] = this.#answers >> 8;
    into[start + 7] = this.#answers;
    into[start + 10] = this.#additional >> 8;
    into[start + 11] = this.#additional;
    return this.#at - start;
  }

  /** A whole answer without records. */
  empty(query: QueryReader, from: Uint8Array, into: Uint8Array, at: number, rcode: number): number {
    this.begin(query, from, into, at, query.questionEnd - query.start + OPT_LENGTH);
    return this.finish(rcode === Rcode.BADVERS && !query.hasEdns ? Rcode.FORMERR : rcode);
  }

  #record(type: number, length: number): number {
    const at = this.#at;
    if (at + 12 + length > this.#limit) {
      this.#into[this.#start + 2]! |= FLAG_TC;
      return -1;
    }
    this.#into[at] = 0xc0;
    this.#into[at + 1] = HEADER_LENGTH;
    this.#at = at + 12 + length;
    return this.#fixed(at + 2, type, length);
  }

  #fixed(at: number, type: number, length: number): number {
    const into = this.#into;
    into[at] = type >> 8;
    into[at + 1] = type;
    into[at + 2] = 0;
    into[at + 3] = 1;
    into[at + 4] = into[at + 5] = into[at + 6] = 0;
    into[at + 7] = CONTAINER_TTL;
    into[at + 8] = length >> 8;
    into[at + 9] = length;
    return at + 10;
  }
}
