import { NLA_F_NESTED, NLA_TYPE_MASK } from "./constants.ts";

/** A message or attribute shorter than its content: never padded, never guessed. */
export class ShortReadError extends RangeError {
  constructor(what: string, wanted: number, there: number) {
    super(`Cannot decode ${what}: it needs ${wanted} bytes and has ${there}`);
    this.name = "ShortReadError";
  }
}

/** An attribute as it stands in the message. */
export interface RawAttribute {
  readonly type: number;
  readonly bytes: Uint8Array;
}

const textDecoder = new TextDecoder();

/**
 * A cursor over the attributes of a payload: `while (reader.next()) switch (reader.type) {…}`.
 * The typed getters read the current attribute and throw when it is shorter than the type.
 */
export class AttributeReader {
  /** Type of the current attribute, without its flag bits. */
  type = 0;
  /** NLA_F_NESTED is set on the current attribute. */
  isNested = false;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #next: number;
  readonly #end: number;
  #start = 0;
  #length = 0;

  /** Reads `bytes` from `offset` on, as after a fixed struct of that size. */
  constructor(bytes: Uint8Array, offset = 0, end = bytes.length) {
    if (offset > end) throw new ShortReadError("a message header", offset, end);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#next = offset;
    this.#end = end;
  }

  /** Fields of the fixed struct before the attributes, at their offset in it. */
  headU8(at: number): number {
    return this.#view.getUint8(at);
  }
  headU16(at: number): number {
    return this.#view.getUint16(at, true);
  }
  headU32(at: number): number {
    return this.#view.getUint32(at, true);
  }

  /** Steps to the next attribute; false at the end. @throws ShortReadError */
  next(): boolean {
    const at = this.#next;
    const left = this.#end - at;
    if (left <= 0) return false;
    if (left < 4) throw new ShortReadError("an attribute header", 4, left);
    const size = this.#view.getUint16(at, true);
    if (size < 4 || size > left) throw new ShortReadError("an attribute", size, left);
    const type = this.#view.getUint16(at + 2, true);
    this.type = type & NLA_TYPE_MASK;
    this.isNested = (type & NLA_F_NESTED) !== 0;
    this.#start = at + 4;
    this.#length = size - 4;
    this.#next = at + ((size + 3) & ~3);
    return true;
  }

  /** Bytes of data in the current attribute. */
  get length(): number {
    return this.#length;
  }

  #need(size: number): number {
    if (this.#length < size) throw new ShortReadError(`attribute ${this.type}`, size, this.#length);
    return this.#start;
  }

  u8(): number {
    return this.#view.getUint8(this.#need(1));
  }
  u16(): number {
    return this.#view.getUint16(this.#need(2), true);
  }
  u16be(): number {
    return this.#view.getUint16(this.#need(2), false);
  }
  u32(): number {
    return this.#view.getUint32(this.#need(4), true);
  }
  u32be(): number {
    return this.#view.getUint32(this.#need(4), false);
  }
  i32(): number {
    return this.#view.getInt32(this.#need(4), true);
  }
  u64(): bigint {
    return this.#view.getBigUint64(this.#need(8), true);
  }
  u64be(): bigint {
    return this.#view.getBigUint64(this.#need(8), false);
  }

  /** Text up to the first NUL or the attribute's end. */
  string(): string {
    let end = this.#start;
    const limit = this.#start + this.#length;
    while (end < limit && this.#bytes[end] !== 0) end++;
    return textDecoder.decode(this.#bytes.subarray(this.#start, end));
  }

  /** A view of the data, good while the message's buffer is; `slice()` it to keep it. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#start + this.#length);
  }

  /** A copy of the current attribute, for what a codec does not know. */
  raw(): RawAttribute {
    return { type: this.type, bytes: this.bytes().slice() };
  }

  /** A reader of the attributes inside the current one. */
  nested(offset = 0): AttributeReader {
    return new AttributeReader(this.#bytes, this.#need(offset) + offset, this.#start + this.#length);
  }
}

/** All attributes of a payload after a fixed struct of `offset` bytes, copied. */
export function readAttributes(payload: Uint8Array, offset = 0): RawAttribute[] {
  const reader = new AttributeReader(payload, offset);
  const attributes: RawAttribute[] = [];
  while (reader.next()) attributes.push(reader.raw());
  return attributes;
}
