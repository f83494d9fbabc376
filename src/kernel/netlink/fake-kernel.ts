import { Errno, SystemError } from "#kernel/ffi";
import { PayloadWriter } from "./attribute-writer.ts";
import {
  NLM_F_ACK,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLM_F_DUMP,
  NLM_F_MULTI,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSGERR_ATTR_MSG,
} from "./constants.ts";
import { decodeMessages, encodeMessage, type NetlinkMessage, NLMSG_HDRLEN } from "./message.ts";
import type { Transport } from "./transport.ts";

/** What the fake says to a request: objects, or a refusal. */
export type FakeAnswer =
  | readonly { readonly type: number; readonly payload: Uint8Array; readonly flags?: number }[]
  | { readonly errno: number; readonly message?: string };

/**
 * A kernel for tests: `answer` is called for each request, and the fake numbers, acknowledges and ends dumps as the real one does.
 * `inject` puts raw datagrams or a loss in the queue, for what a well-behaved kernel would not send.
 */
export class FakeKernel implements Transport {
  /** Every request seen, payloads copied. */
  readonly requests: NetlinkMessage[] = [];
  closed = false;
  readonly #answer: (request: NetlinkMessage) => FakeAnswer;
  readonly #queue: (Uint8Array | "overflow")[] = [];

  constructor(answer: (request: NetlinkMessage) => FakeAnswer = () => []) {
    this.#answer = answer;
  }

  send(bytes: Uint8Array): void {
    for (const request of decodeMessages(bytes.slice())) {
      this.requests.push(request);
      const answer = this.#answer(request);
      if ("errno" in answer) {
        this.#queue.push(ackBytes(request, answer.errno, answer.message));
        continue;
      }
      const dump = (request.flags & NLM_F_DUMP) === NLM_F_DUMP;
      for (const { type, payload, flags = 0 } of answer)
        this.#queue.push(messageBytes(type, flags | (dump ? NLM_F_MULTI : 0), request.sequence, payload));
      if (dump) this.#queue.push(messageBytes(NLMSG_DONE, NLM_F_MULTI, request.sequence, new Uint8Array(4)));
      else if (request.flags & NLM_F_ACK) this.#queue.push(ackBytes(request, 0));
    }
  }

  receive(into: Uint8Array): number {
    const next = this.#queue.shift();
    if (next === undefined) return -1;
    if (next === "overflow") throw new SystemError("recv", Errno.ENOBUFS);
    into.set(next.subarray(0, into.length));
    return next.length;
  }

  /** Queues a datagram, or the loss of some (ENOBUFS). */
  inject(datagram: Uint8Array | "overflow"): void {
    this.#queue.push(datagram);
  }

  [Symbol.dispose](): void {
    this.closed = true;
  }
}

/** The bytes of one message from the kernel. */
export function messageBytes(type: number, flags: number, sequence: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(NLMSG_HDRLEN + ((payload.length + 3) & ~3));
  encodeMessage(bytes, 0, { type, flags: 0, payload, operation: "fake" }, sequence);
  new DataView(bytes.buffer).setUint16(6, flags, true);
  return bytes;
}

/** The bytes of an acknowledgement, as a socket with NETLINK_CAP_ACK and NETLINK_EXT_ACK gets it. */
export function ackBytes(request: NetlinkMessage, errno: number, message?: string): Uint8Array {
  const writer = new PayloadWriter().i32(-errno);
  writer
    .u32(NLMSG_HDRLEN + request.payload.length)
    .u16(request.type)
    .u16(request.flags)
    .u32(request.sequence)
    .u32(0);
  if (message !== undefined) writer.attrString(NLMSGERR_ATTR_MSG, message);
  return messageBytes(NLMSG_ERROR, NLM_F_CAPPED | (message === undefined ? 0 : NLM_F_ACK_TLVS), request.sequence, writer.finish());
}
