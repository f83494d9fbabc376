import { randomBytes } from "node:crypto";
import { invalid } from "./errors.ts";

const MAC_TEXT = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i;

/** Canonical text of an EUI-48, `02:42:ac:11:00:02`; accepts `-` for `:` as Go's net.ParseMAC does. @throws invalidParameter */
export function parseMac(text: string): string {
  const candidate = text.replaceAll("-", ":").toLowerCase();
  if (!MAC_TEXT.test(candidate)) throw invalid(`invalid MAC address: ${text}`, { code: "bad-mac", context: { value: text } });
  return candidate;
}

export const isMac = (text: string): boolean => MAC_TEXT.test(text);

/** Six bytes of a canonical MAC text. */
export const macToBytes = (mac: string): Uint8Array => Uint8Array.from(mac.split(":"), (octet) => Number.parseInt(octet, 16));

export const bytesToMac = (bytes: Uint8Array): string => Array.from(bytes, (octet) => octet.toString(16).padStart(2, "0")).join(":");

/** Docker's derived MAC: `02:42` and the four bytes of the IPv4 address, so it is stable while the address is. */
export function macOfIpv4(address: string): string {
  const octets = address.split(".").map((part) => Number(part).toString(16).padStart(2, "0"));
  return `02:42:${octets.join(":")}`;
}

/** A random, locally administered, unicast MAC (IEEE 802-2014 8.4). */
export function randomMac(): string {
  const bytes = randomBytes(6);
  bytes[0] = (bytes[0]! & 0xfc) | 0x02;
  return bytesToMac(bytes);
}
