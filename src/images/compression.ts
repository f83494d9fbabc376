import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { FairwayError, invalid, messageOf } from "#base";

export type Compression = "none" | "gzip" | "zstd";

const MAGIC: readonly { kind: string; bytes: readonly number[] }[] = [
  { kind: "gzip", bytes: [0x1f, 0x8b, 0x08] },
  { kind: "zstd", bytes: [0x28, 0xb5, 0x2f, 0xfd] },
  { kind: "bzip2", bytes: [0x42, 0x5a, 0x68] },
  { kind: "xz", bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] },
];

/**
 * Looks at the first bytes and undoes gzip (RFC 1952) or zstd (RFC 8878); anything else passes as it is.
 * @throws invalidParameter for bzip2 and xz, which Node has no decoder for, and, from the stream, for damaged data
 */
export async function decompress(
  source: AsyncIterable<Uint8Array>,
): Promise<{ readonly compression: Compression; readonly stream: AsyncIterable<Uint8Array> }> {
  const iterator = source[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < 6) {
    const next = await iterator.next();
    if (next.done) break;
    head = Buffer.concat([head, next.value]);
  }
  async function* whole() {
    try {
      if (head.length > 0) yield head;
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  }
  const kind = MAGIC.find(({ bytes }) => bytes.every((octet, index) => head[index] === octet))?.kind;
  if (kind === undefined) return { compression: "none", stream: whole() };
  if (kind === "gzip" || kind === "zstd") return { compression: kind, stream: inflate(whole(), kind) };
  await iterator.return?.();
  throw invalid(`Cannot read archive: it is compressed with ${kind}; give it uncompressed, or compressed with gzip or zstd`, {
    code: "unsupported-compression",
    context: { compression: kind },
  });
}

async function* inflate(source: AsyncIterable<Uint8Array>, kind: "gzip" | "zstd"): AsyncGenerator<Uint8Array> {
  const decoder = kind === "gzip" ? createGunzip() : createZstdDecompress();
  // The cause of a broken source reaches us through the decoder, which pipeline destroys with it.
  const feeding = pipeline(Readable.from(source, { objectMode: false }), decoder);
  feeding.catch(() => {});
  try {
    for await (const chunk of decoder) yield chunk as Uint8Array;
    await feeding;
  } catch (error) {
    if (error instanceof FairwayError || !isDecoderError(error)) throw error;
    throw invalid(
      `Error processing tar file(exit status 1): ${/unexpected end/.test(messageOf(error)) ? "unexpected EOF" : messageOf(error)}`,
      {
        code: "bad-compression",
        cause: error,
      },
    );
  } finally {
    decoder.destroy();
  }
}

const isDecoderError = (error: unknown): boolean => {
  const code = (error as { code?: unknown }).code;
  return typeof code === "string" && /^(Z_|ZSTD_|ERR_ZSTD)/.test(code);
};
