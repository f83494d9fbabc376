import { NLA_F_NESTED } from "./constants.ts";

/**
 * Writes a message's payload: its fixed struct, then attributes (`struct nlattr`: u16 length with header, u16 type, data, padded to 4).
 * Numbers are in host order, little-endian on every machine we run on, unless the name says `Be`.
 */
export class PayloadWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /** What was written; a view that later writes do not change. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(size: number): number {
    const at = this.#length;
    const end = at + size;
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, at));
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    this.#length = end;
    return at;
  }

  u8(value: number): this {
    const at = this.#reserve(1);
    this.#view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    const at = this.#reserve(2);
    this.#view.setUint16(at, value, true);
    return this;
  }

  u16be(value: number): this {
    const at = this.#reserve(2);
    this.#view.setUint16(at, value, false);
    return this;
  }

  u32(value: number): this {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  i32(value: number): this {
    return this.u32(value);
  }

  /** Raw bytes, unpadded. */
  raw(bytes: Uint8Array): this {
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  /** @throws RangeError when the data is longer than nla_len can say */
  #attribute(type: number, size: number): number {
    if (size > 0xffff - 4) throw new RangeError(`Attribute ${type} has ${size} bytes, and an attribute holds at most ${0xffff - 4}`);
    const at = this.#reserve((size + 4 + 3) & ~3);
    this.#view.setUint16(at, size + 4, true);
    this.#view.setUint16(at + 2, type, true);
    return at + 4;
  }

  /** An attribute that says all by being there. */
  flag(type: number): this {
    this.#attribute(type, 0);
    return this;
  }

  attrU8(type: number, value: number): this {
    const at = this.#attribute(type, 1);
    this.#view.setUint8(at, value);
    return this;
  }

  attrU16(type: number, value: number): this {
    const at = this.#attribute(type, 2);
    this.#view.setUint16(at, value, true);
    return this;
  }

  attrU16be(type: number, value: number): this {
    const at = this.#attribute(type, 2);
    this.#view.setUint16(at, value, false);
    return this;
  }

  attrU32(type: number, value: number): this {
    const at = this.#attribute(type, 4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  attrU32be(type: number, value: number): this {
    const at = this.#attribute(type, 4);
    this.#view.setUint32(at, value, false);
    return this;
  }

  attrU64(type: number, value: bigint): this {
    const at = this.#attribute(type, 8);
    this.#view.setBigUint64(at, value, true);
    return this;
  }

  attrU64be(type: number, value: bigint): this {
    const at = this.#attribute(type, 8);
    this.#view.setBigUint64(at, value, false);
    return this;
  }

  attrBytes(type: number, bytes: Uint8Array): this {
    const at = this.#attribute(type, bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  /** UTF-8 with the NUL that NLA_NUL_STRING wants. */
  attrString(type: number, text: string): this {
    const at = this.#attribute(type, Buffer.byteLength(text) + 1);
    // Names are short: a loop of ours is done before Buffer has begun.
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code > 0x7f) {
        this.#bytes.set(Buffer.from(text, "utf8"), at);
        break;
      }
      this.#bytes[at + index] = code;
    }
    return this;
  }

  /** An attribute made of attributes. rtnetlink has most nests without NLA_F_NESTED; nfnetlink wants it. */
  nest(type: number, write: (writer: this) => void, flags = 0): this {
    const start = this.#attribute(type | flags, 0);
    write(this);
    const size = this.#length - start + 4;
    if (size > 0xffff) throw new RangeError(`Attribute ${type} has ${size - 4} bytes, and an attribute holds at most ${0xffff - 4}`);
    this.#view.setUint16(start - 4, size, true);
    return this;
  }

  /** `nest` with NLA_F_NESTED. */
  nested(type: number, write: (writer: this) => void): this {
    return this.nest(type, write, NLA_F_NESTED);
  }
}
