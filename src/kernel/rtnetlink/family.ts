import { bytesToIp, type Family, familyOf, ipToBytes, parsePrefix } from "#base";
import { type AttributeReader, ShortReadError } from "#kernel/netlink";
import { AF_INET, AF_INET6, AF_UNSPEC } from "./constants.ts";

/** The kernel's number for an address family; every family when none is given. */
export const afOf = (family: Family | undefined): number => (family === undefined ? AF_UNSPEC : family === 4 ? AF_INET : AF_INET6);

export const afOfText = (address: string): number => afOf(familyOf(address));

/** 4 or 6; undefined for the families that are none of ours (MPLS, multicast routing). */
export const familyOfAf = (af: number): Family | undefined => (af === AF_INET ? 4 : af === AF_INET6 ? 6 : undefined);

/** The two halves of `10.0.0.1/24`, host bits kept. @throws FairwayError invalidParameter */
export function splitPrefix(text: string): { family: Family; bytes: Uint8Array; prefix: number } {
  const { ip, prefix } = parsePrefix(text);
  return { family: ip.family, bytes: ipToBytes(text.slice(0, text.indexOf("/"))), prefix };
}

/** A prefix as text; the family's zero address when the kernel sent none, as for a default route. */
export function joinPrefix(family: Family, bytes: Uint8Array | undefined, prefix: number): string {
  return `${bytes ? bytesToIp(bytes) : family === 4 ? "0.0.0.0" : "::"}/${prefix}`;
}

/** The address that is the current attribute, after `skip` bytes. @throws ShortReadError when it has neither length of one */
export function readIp(reader: AttributeReader, skip = 0): string {
  const bytes = skip === 0 ? reader.bytes() : reader.bytes().subarray(skip);
  if (bytes.length !== 4 && bytes.length !== 16)
    throw new ShortReadError(`address attribute ${reader.type}`, bytes.length < 4 ? 4 : 16, bytes.length);
  return bytesToIp(bytes);
}
