import { MAX_LABEL_LENGTH, MAX_NAME_LENGTH } from "./wire.ts";

/**
 * A name as zones are keyed by it: its wire form without the root's octet, ASCII letters in lower case, one character an octet (latin1). Length octets
 * are below 64, so they are no letters; labels stay apart even when a label has a dot in it; a suffix of labels is a suffix of the text.
 */
export type NameKey = string;

/** The key of a name in text, dots between labels, UTF-8; undefined when DNS cannot carry it (empty label, label over 63 octets, over 255 in all). */
export function nameKey(text: string): NameKey | undefined {
  const trimmed = text.endsWith(".") ? text.slice(0, -1) : text;
  if (trimmed === "") return undefined;
  let key = "";
  for (const label of trimmed.split(".")) {
    const octets = Buffer.from(label, "utf8");
    if (octets.length === 0 || octets.length > MAX_LABEL_LENGTH) return undefined;
    key += String.fromCharCode(octets.length) + octets.toString("latin1");
  }
  if (key.length + 1 > MAX_NAME_LENGTH) return undefined;
  return key.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** A key as people write it; octets outside printable ASCII, and dots within a label, as `\ddd` (RFC 1035 §5.1). The root is `.`. */
export function keyToText(key: NameKey): string {
  if (key === "") return ".";
  let text = "";
  for (let at = 0; at < key.length; ) {
    const length = key.charCodeAt(at);
    if (at > 0) text += ".";
    for (const character of key.slice(at + 1, at + 1 + length)) {
      const octet = character.charCodeAt(0);
      const plain = octet > 32 && octet < 127 && character !== "." && character !== "\\";
      text += plain ? character : `\\${String(octet).padStart(3, "0")}`;
    }
    at += 1 + length;
  }
  return text;
}

export interface DecodedName {
  readonly key: NameKey;
  /** Offset of what follows the name where it stands. */
  readonly next: number;
}

/**
 * Reads a possibly compressed name (RFC 1035 §4.1.4). A pointer must lead to a name that lies wholly before the one it ends, so
 * following comes to an end. The message starts at 0 of the buffer.
 * @returns undefined for anything malformed: loops, reserved label types, over 255 octets, past `end`, pointers to before `floor`
 */
export function decodeName(buffer: Uint8Array, start: number, end: number, floor = 0): DecodedName | undefined {
  let key = "";
  let at = start;
  let segment = start;
  let stop = end;
  let next = -1;
  for (;;) {
    if (at >= stop) return undefined;
    const length = buffer[at]!;
    if (length === 0) break;
    if (length >= 0xc0) {
      if (at + 1 >= stop) return undefined;
      const target = ((length & 0x3f) << 8) | buffer[at + 1]!;
      if (target >= segment || target < floor) return undefined;
      if (next < 0) next = at + 2;
      stop = segment;
      at = segment = target;
      continue;
    }
    if (length > MAX_LABEL_LENGTH || at + 1 + length > stop) return undefined;
    if (key.length + length + 2 > MAX_NAME_LENGTH) return undefined;
    key += String.fromCharCode(length);
    for (let position = at + 1; position <= at + length; position++) {
      const octet = buffer[position]!;
      key += String.fromCharCode(octet >= 65 && octet <= 90 ? octet + 32 : octet);
    }
    at += 1 + length;
  }
  return { key, next: next < 0 ? at + 1 : next };
}

/** Writes a key as an uncompressed wire name, root included. @returns the offset after it */
export function writeKey(key: NameKey, into: Uint8Array, at: number): number {
  for (let position = 0; position < key.length; position++) into[at + position] = key.charCodeAt(position);
  into[at + key.length] = 0;
  return at + key.length + 1;
}

/** True when the name is the domain or below it; label borders count, so "\x03xab" is not below "\x02ab". */
export function isWithin(key: NameKey, domain: NameKey): boolean {
  if (!key.endsWith(domain)) return false;
  let at = 0;
  while (at < key.length - domain.length) at += 1 + key.charCodeAt(at);
  return at === key.length - domain.length;
}
