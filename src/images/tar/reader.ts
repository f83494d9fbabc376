import { invalid } from "#base";
import { decodeTarHeader, isZeroBlock, TAR_BLOCK, type TarHeader, TarType } from "./header.ts";
import { decodePax, type PaxRecords, paddingOf } from "./pax.ts";

/** Longest pax header or GNU long name that is taken into memory, in bytes. */
const META_LIMIT = 1 << 20;

const truncated = () => invalid("Error processing tar file(exit status 1): unexpected EOF", { code: "truncated-tar" });

export interface TarEntry {
  /** Effective values: pax records and GNU long names are already applied to name, linkName and size. */
  readonly header: TarHeader;
  readonly pax: PaxRecords;
  /** Every header block of this entry as it came, global pax headers left out. */
  readonly raw: Uint8Array;
  /** The last header block with its GNU sparse extension blocks: what `raw` has without pax and long-name headers. */
  readonly mainBlocks: Uint8Array;
  /** The body, once, without padding. What the caller leaves unread is skipped. */
  readonly body: AsyncIterable<Uint8Array>;
}

class ByteSource {
  readonly #iterator: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#iterator = source[Symbol.asyncIterator]();
  }

  /** At most `limit` bytes, at least one; undefined at the end. */
  async some(limit: number): Promise<Uint8Array | undefined> {
    while (this.#chunk.length === 0) {
      const next = await this.#iterator.next();
      if (next.done) return undefined;
      this.#chunk = next.value;
    }
    const part = this.#chunk.subarray(0, limit);
    this.#chunk = this.#chunk.subarray(part.length);
    return part;
  }

  /** Exactly `length` bytes. @returns undefined at a clean end @throws when the source ends inside */
  async exactly(length: number): Promise<Uint8Array | undefined> {
    const first = await this.some(length);
    if (first === undefined) return length === 0 ? new Uint8Array(0) : undefined;
    if (first.length === length) return first;
    const parts = [first];
    for (let have = first.length; have < length; ) {
      const part = await this.some(length - have);
      if (part === undefined) throw truncated();
      parts.push(part);
      have += part.length;
    }
    return Buffer.concat(parts);
  }

  async drain() {
    while ((await this.some(1 << 20)) !== undefined);
  }

  async close() {
    await this.#iterator.return?.();
  }
}

async function take(source: ByteSource, length: number): Promise<Uint8Array> {
  const bytes = length === 0 ? new Uint8Array(0) : await source.exactly(length);
  if (bytes === undefined) throw truncated();
  return bytes;
}

async function takeMeta(source: ByteSource, size: number): Promise<Uint8Array> {
  if (size > META_LIMIT)
    throw invalid("Error processing tar file(exit status 1): archive/tar: header field too long", { code: "bad-tar", context: { size } });
  return take(source, size + paddingOf(size));
}

const untilNul = (bytes: Uint8Array): string => {
  const text = Buffer.from(bytes).toString("latin1");
  const end = text.indexOf("\0");
  return end < 0 ? text : text.slice(0, end);
};

/**
 * The entries of a tar stream (ustar, pax, GNU), in order. Reads the source to its very end, past the archive's, so that a digest taken on the way is
 * of the whole.
 * @throws invalidParameter `bad-tar` or `truncated-tar`
 */
export async function* readTar(stream: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry> {
  const source = new ByteSource(stream);
  try {
    let raws: Uint8Array[] = [];
    let pax = new Map<string, string>();
    let longName: string | undefined;
    let longLink: string | undefined;
    for (;;) {
      const first = await source.exactly(TAR_BLOCK);
      if (first === undefined) {
        if (raws.length > 0) throw truncated();
        return;
      }
      if (isZeroBlock(first)) break;
      const block = Buffer.from(first);
      const header = decodeTarHeader(block);
      if (header.type === TarType.paxGlobal) {
        await takeMeta(source, header.size);
        continue;
      }
      if (header.type === TarType.pax || header.type === TarType.gnuLongName || header.type === TarType.gnuLongLink) {
        const body = Buffer.from(await takeMeta(source, header.size));
        raws.push(block, body);
        const content = body.subarray(0, header.size);
        if (header.type === TarType.pax) pax = new Map([...pax, ...decodePax(content)]);
        else if (header.type === TarType.gnuLongName) longName = untilNul(content);
        else longLink = untilNul(content);
        continue;
      }
      const mains = [block];
      if (header.type === TarType.gnuSparse) {
        // GNU: byte 482 of the header and byte 504 of each extension say whether another extension block follows.
        for (let more = block[482] !== 0; more; ) {
          const extension = Buffer.from(await take(source, TAR_BLOCK));
          mains.push(extension);
          more = extension[504] !== 0;
        }
      }
      const mainBlocks = Buffer.concat(mains);
      const paxSize = pax.get("size");
      if (paxSize !== undefined && !/^\d{1,15}$/.test(paxSize))
        throw invalid("Error processing tar file(exit status 1): archive/tar: invalid tar header", { code: "bad-tar" });
      const hasBody = header.type === TarType.file || header.type === TarType.gnuSparse || !/^[1-6]$/.test(header.type);
      const size = hasBody ? (paxSize === undefined ? header.size : Number(paxSize)) : 0;
      let left = size;
      async function* body() {
        while (left > 0) {
          const part = await source.some(left);
          if (part === undefined) throw truncated();
          left -= part.length;
          yield part;
        }
      }
      yield {
        header: {
          ...header,
          name: pax.get("path") ?? longName ?? header.name,
          linkName: pax.get("linkpath") ?? longLink ?? header.linkName,
          size,
        },
        pax,
        raw: Buffer.concat([...raws, mainBlocks]),
        mainBlocks,
        body: body(),
      };
      for await (const _ of body());
      await take(source, paddingOf(size));
      [raws, pax, longName, longLink] = [[], new Map(), undefined, undefined];
    }
    await source.drain();
  } finally {
    await source.close();
  }
}
