import { invalid } from "#base";
import { encodeTarHeader, TAR_BLOCK, type TarHeader, TarType, tarHeader } from "./header.ts";

/** Keys and values are byte strings (latin1), as names are. */
export type PaxRecords = ReadonlyMap<string, string>;

/** POSIX pax extended header body: `<length> <key>=<value>\n` repeated, the length in bytes and counting itself. @throws invalidParameter `bad-tar` */
export function decodePax(body: Uint8Array): PaxRecords {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("latin1");
  const records = new Map<string, string>();
  let at = 0;
  while (at < bytes.length && bytes[at] !== "\0") {
    const space = bytes.indexOf(" ", at);
    const length = space < 0 ? Number.NaN : Number(bytes.slice(at, space));
    const end = at + length;
    const equals = bytes.indexOf("=", space);
    if (!Number.isInteger(length) || end > bytes.length || end <= space || bytes[end - 1] !== "\n" || equals < 0 || equals >= end)
      throw invalid("Error processing tar file(exit status 1): archive/tar: invalid tar header", {
        code: "bad-tar",
        context: { why: "pax record" },
      });
    records.set(bytes.slice(space + 1, equals), bytes.slice(equals + 1, end - 1));
    at = end;
  }
  return records;
}

export function encodePax(records: PaxRecords): Uint8Array {
  let text = "";
  for (const [key, value] of records) {
    const rest = ` ${key}=${value}\n`;
    let length = rest.length + 1;
    while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
    text += `${length}${rest}`;
  }
  return Buffer.from(text, "latin1");
}

export const paddingOf = (size: number): number => (TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK;

/** The `x` header block and its body, padded; nothing for no records. */
export function encodePaxBlocks(records: PaxRecords): Uint8Array {
  if (records.size === 0) return new Uint8Array(0);
  const body = encodePax(records);
  const head = encodeTarHeader(tarHeader({ name: "PaxHeaders/entry", type: TarType.pax, size: body.length }));
  return Buffer.concat([head, body, Buffer.alloc(paddingOf(body.length))]);
}

/** All header blocks of an entry: a pax header when the names are long or there are further records, then the ustar block. */
export function encodeTarEntryHead(header: TarHeader, records: PaxRecords = new Map()): Uint8Array {
  const all = new Map(records);
  if (header.name.length > 100) all.set("path", header.name);
  if (header.linkName.length > 100) all.set("linkpath", header.linkName);
  return Buffer.concat([encodePaxBlocks(all), encodeTarHeader(header)]);
}

/** Two zero blocks end an archive. */
export const TAR_END: Uint8Array = new Uint8Array(2 * TAR_BLOCK);
