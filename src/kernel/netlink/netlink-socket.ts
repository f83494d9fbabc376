import { Errno, isErrno } from "#kernel/ffi";
import { NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, NLMSG_NOOP, NLMSG_OVERRUN } from "./constants.ts";
import { decodeMessages, encodedSize, encodeMessages, type NetlinkMessage, type NetlinkRequest } from "./message.ts";
import { decodeAck, NetlinkError } from "./netlink-error.ts";
import { KernelTransport, type KernelTransportOptions, type Transport } from "./transport.ts";

/**
 * Where datagrams land before they are copied to their exact size: larger than any the kernel makes for a dump (32 KiB) or a single object.
 * One for all sockets, because a receive and its copy are never interleaved with another; fresh ones would cost most of opening a socket.
 */
const scratch = new Uint8Array(128 << 10);

/** One send of a batch: its acknowledgements must fit the receive buffer, about 1 KiB each there. */
const BATCH_MESSAGES = 1000;
const BATCH_BYTES = 512 << 10;

/** How often a dump that changed under our eyes is begun again. */
const DUMP_ATTEMPTS = 10;

/** Datagrams that one `drain` takes: a routing daemon that loads its tables sends them faster than they are read, and would keep us for ever. */
const DRAIN_DATAGRAMS = 4096;

export interface BatchOptions {
  /**
   * `each` (the default) asks for an acknowledgement of every message. `errors` asks for none and takes silence as success: right where the kernel
   * works within send(2), as rtnetlink and nfnetlink do, and the way to send an nfnetlink transaction, which goes out in one datagram.
   */
  readonly acknowledge?: "each" | "errors";
}

/** A synchronous netlink conversation in one namespace. One request at a time, so every answer is ours. */
export class NetlinkSocket implements Disposable {
  readonly transport: Transport;
  #sequence = 0;

  constructor(transport: Transport) {
    this.transport = transport;
  }

  /** @throws SystemError when the namespace or the protocol is not there */
  static open(options: KernelTransportOptions): NetlinkSocket {
    return new NetlinkSocket(new KernelTransport(options));
  }

  /** Sends one request; returns what the kernel says before it acknowledges. @throws NetlinkError */
  request(request: NetlinkRequest): NetlinkMessage[] {
    const sequence = this.#send([request], NLM_F_ACK);
    const answers: NetlinkMessage[] = [];
    for (;;) {
      for (const message of this.#receive(request.operation)) {
        if (message.sequence !== sequence || message.type === NLMSG_NOOP) continue;
        if (message.type !== NLMSG_ERROR) {
          answers.push(message);
          continue;
        }
        const { errno, extendedAck } = decodeAck(message);
        if (errno !== 0) throw new NetlinkError(request.operation, errno, extendedAck);
        return answers;
      }
    }
  }

  /** Everything of a kind, from one consistent moment. @throws NetlinkError; EINTR when the kernel's list never stood still */
  dump(request: NetlinkRequest): NetlinkMessage[] {
    for (let attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
      const answers = this.#dumpOnce(request);
      if (answers) return answers;
    }
    throw new NetlinkError(request.operation, Errno.EINTR, { message: `the list changed during each of ${DUMP_ATTEMPTS} dumps` });
  }

  #dumpOnce(request: NetlinkRequest): NetlinkMessage[] | undefined {
    const sequence = this.#send([request], NLM_F_DUMP);
    const answers: NetlinkMessage[] = [];
    let interrupted = false;
    for (;;) {
      for (const message of this.#receive(request.operation)) {
        if (message.sequence !== sequence || message.type === NLMSG_NOOP) continue;
        if (message.flags & NLM_F_DUMP_INTR) interrupted = true;
        if (message.type === NLMSG_DONE || message.type === NLMSG_ERROR) {
          const { errno, extendedAck } = decodeAck(message, message.type === NLMSG_DONE);
          if (errno !== 0) throw new NetlinkError(request.operation, errno, extendedAck);
          return interrupted ? undefined : answers;
        }
        answers.push(message);
      }
    }
  }

  /**
   * Sends many requests at once; one result a request, in order: undefined, or why the kernel refused it. A refusal does not stop the ones after
   * it, save in an nfnetlink transaction, where the kernel undoes them all.
   */
  batch(requests: readonly NetlinkRequest[], options: BatchOptions = {}): (NetlinkError | undefined)[] {
    if (options.acknowledge === "errors") return this.#silentBatch(requests);
    const results: (NetlinkError | undefined)[] = [];
    for (let start = 0; start < requests.length; ) {
      let end = start;
      for (let bytes = 0; end < requests.length && end - start < BATCH_MESSAGES && bytes < BATCH_BYTES; end++)
        bytes += encodedSize(requests[end]!);
      results.push(...this.#acknowledgedBatch(requests.slice(start, end)));
      start = end;
    }
    return results;
  }

  #acknowledgedBatch(requests: readonly NetlinkRequest[]): (NetlinkError | undefined)[] {
    const results = new Array<NetlinkError | undefined>(requests.length).fill(undefined);
    const sequence = this.#send(requests, NLM_F_ACK);
    for (let pending = requests.length; pending > 0; ) {
      for (const message of this.#receive(requests[0]!.operation)) {
        const index = (message.sequence - sequence) >>> 0;
        if (message.type !== NLMSG_ERROR || index >= requests.length) continue;
        results[index] = this.#errorOf(message, requests[index]!);
        pending--;
      }
    }
    return results;
  }

  #silentBatch(requests: readonly NetlinkRequest[]): (NetlinkError | undefined)[] {
    const results = new Array<NetlinkError | undefined>(requests.length).fill(undefined);
    if (requests.length === 0) return results;
    const sequence = this.#send(requests, 0);
    for (let messages = this.#poll(); messages; messages = this.#poll()) {
      for (const message of messages) {
        const index = (message.sequence - sequence) >>> 0;
        if (message.type === NLMSG_ERROR && index < requests.length) results[index] ??= this.#errorOf(message, requests[index]!);
      }
    }
    return results;
  }

  #errorOf(message: NetlinkMessage, request: NetlinkRequest): NetlinkError | undefined {
    const { errno, extendedAck } = decodeAck(message);
    return errno === 0 ? undefined : new NetlinkError(request.operation, errno, extendedAck);
  }

  /** Returns the first request's sequence number. */
  #send(requests: readonly NetlinkRequest[], flags: number): number {
    // What a conversation that ended in a throw left behind must not be read as an answer; numbers are never reused for the same reason.
    const sequence = (this.#sequence + 1) >>> 0;
    this.#sequence = (this.#sequence + requests.length) >>> 0;
    this.transport.send(encodeMessages(requests, sequence, flags));
    return sequence;
  }

  #receive(operation: string): NetlinkMessage[] {
    const length = this.transport.receive(scratch, true);
    if (length < 0) throw new NetlinkError(operation, Errno.ETIMEDOUT, { message: "the kernel did not answer" });
    return this.#messages(length);
  }

  #poll(): NetlinkMessage[] | undefined {
    const length = this.transport.receive(scratch, false);
    return length < 0 ? undefined : this.#messages(length);
  }

  #messages(length: number): NetlinkMessage[] {
    if (length > scratch.length) throw new RangeError(`Netlink datagram of ${length} bytes is larger than ${scratch.length}`);
    return decodeMessages(scratch.slice(0, length));
  }

  /**
   * What multicast groups sent since the last call, without waiting, up to 4096 datagrams. `resync` is true when the kernel had to drop some (ENOBUFS):
   * whoever keeps a copy of its state must dump it again.
   */
  drain(): { readonly messages: NetlinkMessage[]; readonly resync: boolean } {
    const messages: NetlinkMessage[] = [];
    let resync = false;
    for (let datagrams = 0; datagrams < DRAIN_DATAGRAMS; datagrams++) {
      try {
        const received = this.#poll();
        if (!received) break;
        for (const message of received) {
          if (message.type === NLMSG_OVERRUN) resync = true;
          else messages.push(message);
        }
      } catch (error) {
        if (!isErrno(error, Errno.ENOBUFS)) throw error;
        resync = true;
      }
    }
    return { messages, resync };
  }

  [Symbol.dispose](): void {
    this.transport[Symbol.dispose]();
  }
}
