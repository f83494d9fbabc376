import { ShortReadError } from "./attribute-reader.ts";
import { PayloadWriter } from "./attribute-writer.ts";
import { NLM_F_REQUEST } from "./constants.ts";

/** Bytes of `struct nlmsghdr`. */
export const NLMSG_HDRLEN = 16;

/** A request that has not been numbered yet. */
export interface NetlinkRequest {
  readonly type: number;
  /** NLM_F_* besides REQUEST and ACK, which the socket adds. */
  readonly flags: number;
  readonly payload: Uint8Array;
  /** What it does, for errors: `RTM_NEWLINK br-blue`. */
  readonly operation: string;
}

/** A message from the kernel. `payload` is a copy of its own and may be kept. */
export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/** Builds a request: `buildRequest("RTM_GETLINK lo", RTM_GETLINK, 0, (writer) => …)`. */
export function buildRequest(operation: string, type: number, flags: number, write?: (writer: PayloadWriter) => void): NetlinkRequest {
  const writer = new PayloadWriter();
  write?.(writer);
  return { operation, type, flags, payload: writer.finish() };
}

/*
 * struct nlmsghdr
 *  0  u32 length with this header
 *  4  u16 type
 *  6  u16 flags
 *  8  u32 sequence
 * 12  u32 port (0: the kernel)
 */
const padded = (size: number): number => (size + 3) & ~3;

export const encodedSize = (request: NetlinkRequest): number => NLMSG_HDRLEN + padded(request.payload.length);

/** Writes one message at `offset`; returns the offset after it. */
export function encodeMessage(into: Uint8Array, offset: number, request: NetlinkRequest, sequence: number, extraFlags = 0): number {
  const view = new DataView(into.buffer, into.byteOffset, into.byteLength);
  view.setUint32(offset, NLMSG_HDRLEN + request.payload.length, true);
  view.setUint16(offset + 4, request.type, true);
  view.setUint16(offset + 6, request.flags | NLM_F_REQUEST | extraFlags, true);
  view.setUint32(offset + 8, sequence, true);
  view.setUint32(offset + 12, 0, true);
  into.set(request.payload, offset + NLMSG_HDRLEN);
  return offset + encodedSize(request);
}

/** The bytes of some messages, numbered from `sequence`. */
export function encodeMessages(requests: readonly NetlinkRequest[], sequence: number, extraFlags = 0): Uint8Array {
  let size = 0;
  for (const request of requests) size += encodedSize(request);
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const [index, request] of requests.entries()) offset = encodeMessage(bytes, offset, request, (sequence + index) >>> 0, extraFlags);
  return bytes;
}

/** Splits a datagram into its messages. `bytes` must not be reused: payloads are views of it. @throws ShortReadError */
export function decodeMessages(bytes: Uint8Array): NetlinkMessage[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const messages: NetlinkMessage[] = [];
  for (let at = 0; at < bytes.length; ) {
    const left = bytes.length - at;
    if (left < NLMSG_HDRLEN) throw new ShortReadError("a netlink message header", NLMSG_HDRLEN, left);
    const size = view.getUint32(at, true);
    if (size < NLMSG_HDRLEN || size > left) throw new ShortReadError("a netlink message", size, left);
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      payload: bytes.subarray(at + NLMSG_HDRLEN, at + size),
    });
    at += padded(size);
  }
  return messages;
}
