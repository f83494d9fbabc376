import { invalid } from "#base";

/*
 * POSIX.1-2017 ustar header block, 512 bytes; numbers are octal text, or GNU base-256 when the first bit is set.
 *
 *   0 name[100]  100 mode[8]  108 uid[8]  116 gid[8]  124 size[12]  136 mtime[12]  148 chksum[8]  156 typeflag[1]
 * 157 linkname[100]  257 magic[6]  263 version[2]  265 uname[32]  297 gname[32]  329 devmajor[8]  337 devminor[8]  345 prefix[155]
 */
export const TAR_BLOCK = 512;

export const TarType = {
  file: "0",
  hardLink: "1",
  symlink: "2",
  charDevice: "3",
  blockDevice: "4",
  directory: "5",
  fifo: "6",
  pax: "x",
  paxGlobal: "g",
  gnuLongName: "L",
  gnuLongLink: "K",
  gnuSparse: "S",
} as const;

/** One header block decoded. Texts are byte strings (latin1), because a path in a tar has no encoding. */
export interface TarHeader {
  readonly name: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of body that follow, before padding. */
  readonly size: number;
  /** Seconds since the epoch. */
  readonly mtime: number;
  readonly type: string;
  readonly linkName: string;
  readonly devMajor: number;
  readonly devMinor: number;
}

const badHeader = (why: string) =>
  invalid("Error processing tar file(exit status 1): archive/tar: invalid tar header", { code: "bad-tar", context: { why } });

function text(block: Uint8Array, offset: number, length: number): string {
  let end = offset;
  while (end < offset + length && block[end] !== 0) end++;
  return Buffer.from(block.buffer, block.byteOffset + offset, end - offset).toString("latin1");
}

function numeric(block: Uint8Array, offset: number, length: number): number {
  if ((block[offset]! & 0x80) !== 0) {
    let value = BigInt(block[offset]! & 0x7f);
    // GNU stores negative numbers in two's complement over the whole field; only a time can sensibly be one.
    if ((block[offset]! & 0x40) !== 0) value -= 128n;
    for (let index = offset + 1; index < offset + length; index++) value = (value << 8n) | BigInt(block[index]!);
    if (value > BigInt(Number.MAX_SAFE_INTEGER) || value < -BigInt(Number.MAX_SAFE_INTEGER)) throw badHeader("number too large");
    return Number(value);
  }
  const digits = text(block, offset, length).trim();
  if (digits === "") return 0;
  if (!/^[0-7]+$/.test(digits)) throw badHeader(`not octal: ${digits}`);
  return Number.parseInt(digits, 8);
}

function checksum(block: Uint8Array): { unsigned: number; signed: number } {
  let unsigned = 0;
  let signed = 0;
  for (let index = 0; index < TAR_BLOCK; index++) {
    const octet = index >= 148 && index < 156 ? 0x20 : block[index]!;
    unsigned += octet;
    signed += octet > 127 ? octet - 256 : octet;
  }
  return { unsigned, signed };
}

export const isZeroBlock = (block: Uint8Array): boolean => block.every((octet) => octet === 0);

/** @throws invalidParameter, code `bad-tar`, when the checksum or a number is wrong */
export function decodeTarHeader(block: Uint8Array): TarHeader {
  const { unsigned, signed } = checksum(block);
  const stated = numeric(block, 148, 8);
  if (stated !== unsigned && stated !== signed) throw badHeader("checksum");
  const magic = text(block, 257, 6);
  const ustar = magic === "ustar";
  const prefix = ustar ? text(block, 345, 155) : "";
  const name = text(block, 0, 100);
  const size = numeric(block, 124, 12);
  if (size < 0) throw badHeader("negative size");
  const type = String.fromCharCode(block[156]!);
  return {
    name: prefix === "" ? name : `${prefix}/${name}`,
    mode: numeric(block, 100, 8),
    uid: numeric(block, 108, 8),
    gid: numeric(block, 116, 8),
    size,
    mtime: numeric(block, 136, 12),
    // Before POSIX a plain file had NUL here, and a directory was a plain file whose name ends in a slash.
    type: type === "\0" || type === "7" ? (name.endsWith("/") ? TarType.directory : TarType.file) : type,
    linkName: text(block, 157, 100),
    devMajor: magic.startsWith("ustar") ? numeric(block, 329, 8) : 0,
    devMinor: magic.startsWith("ustar") ? numeric(block, 337, 8) : 0,
  };
}

function putNumber(block: Buffer, offset: number, length: number, value: number) {
  const octal = Math.trunc(value).toString(8);
  if (value >= 0 && octal.length < length) {
    block.write(octal.padStart(length - 1, "0"), offset, "latin1");
    return;
  }
  let rest = BigInt(Math.trunc(value));
  for (let index = offset + length - 1; index >= offset; index--, rest >>= 8n) block[index] = Number(rest & 255n);
  block[offset]! |= 0x80;
}

/** One block; a name or link name past 100 bytes is cut, so give it by a pax record in front ({@link encodeTarEntryHead}). */
export function encodeTarHeader(header: TarHeader): Uint8Array {
  const block = Buffer.alloc(TAR_BLOCK);
  block.write(header.name.slice(0, 100), 0, "latin1");
  putNumber(block, 100, 8, header.mode);
  putNumber(block, 108, 8, header.uid);
  putNumber(block, 116, 8, header.gid);
  putNumber(block, 124, 12, header.size);
  putNumber(block, 136, 12, header.mtime);
  block.write(header.type, 156, "latin1");
  block.write(header.linkName.slice(0, 100), 157, "latin1");
  block.write("ustar\x0000", 257, "latin1");
  putNumber(block, 329, 8, header.devMajor);
  putNumber(block, 337, 8, header.devMinor);
  block.write(`${checksum(block).unsigned.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

/** A header with the defaults of a file root owns. */
export const tarHeader = (fields: Partial<TarHeader> & { name: string; type: string }): TarHeader => ({
  mode: fields.type === TarType.directory ? 0o755 : 0o644,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: 0,
  linkName: "",
  devMajor: 0,
  devMinor: 0,
  ...fields,
});
