import koffi from "koffi";
import { bytesToIp } from "#base";
import { AF_INET, MSG_DONTWAIT } from "./constants.ts";
import { Errno } from "./errno.ts";
import { errno, libc } from "./libc.ts";
import type { Socket } from "./socket.ts";
import { SystemError } from "./system-error.ts";

export interface DatagramBatchOptions {
  /** Datagrams a system call, 64 unless given. */
  readonly slots?: number;
  /** Longest datagram taken, in bytes; a longer one arrives cut. 2048 unless given. */
  readonly receiveSize?: number;
  /** Longest reply, in bytes. 4096 unless given. */
  readonly sendSize?: number;
}

/*
 * struct mmsghdr, 64 bytes; the same on x86-64 and arm64
 *  0 u64 msg_name       8 u32 msg_namelen   16 u64 msg_iov   24 u64 msg_iovlen
 * 32 u64 msg_control   40 u64 msg_controllen  48 i32 msg_flags  56 u32 msg_len
 * struct iovec, 16 bytes: u64 base, u64 length
 */
const MMSGHDR = 64;
/** Room for a sockaddr_in6, and a power of two. */
const NAME = 32;

/**
 * Takes and answers many datagrams of a UDP socket with recvmmsg(2) and sendmmsg(2), with no object a datagram:
 *
 *     for (let slot = 0, count = batch.receive(socket); slot < count; slot++)
 *       batch.reply(slot, answer(batch.input, batch.inputStart(slot), batch.inputEnd(slot), batch.output, batch.outputStart));
 *     batch.flush(socket);
 *
 * One serves all sockets of a process, as its calls are synchronous; 0.4 MB with the default sizes.
 */
export class DatagramBatch {
  /** Where received datagrams are, one every `receiveSize` bytes. */
  readonly input: Buffer;
  /** Where replies are written. */
  readonly output: Buffer;
  readonly sendSize: number;
  /** Datagrams a call takes at most. */
  readonly slots: number;
  readonly #receiveSize: number;
  readonly #names: Buffer;
  readonly #receiveHeaders: Buffer;
  readonly #sendHeaders: Buffer;
  // The kernel alone reads these, by the addresses in the headers: they must live as long as the headers do.
  readonly #vectors: Buffer;
  #queued = 0;

  constructor({ slots = 64, receiveSize = 2048, sendSize = 4096 }: DatagramBatchOptions = {}) {
    this.slots = slots;
    this.#receiveSize = receiveSize;
    this.sendSize = sendSize;
    const memory = (size: number): Buffer => Buffer.from(new ArrayBuffer(size));
    this.input = memory(slots * receiveSize);
    this.output = memory(slots * sendSize);
    this.#names = memory(slots * NAME * 2);
    this.#vectors = memory(slots * 32);
    this.#receiveHeaders = memory(slots * MMSGHDR);
    this.#sendHeaders = memory(slots * MMSGHDR);
    const address = (buffer: Buffer, offset: number): bigint => BigInt(koffi.address(buffer)) + BigInt(offset);
    for (let slot = 0; slot < slots; slot++) {
      const vector = slot * 32;
      this.#vectors.writeBigUInt64LE(address(this.input, slot * receiveSize), vector);
      this.#vectors.writeBigUInt64LE(BigInt(receiveSize), vector + 8);
      this.#vectors.writeBigUInt64LE(address(this.output, slot * sendSize), vector + 16);
      for (const [side, headers] of [this.#receiveHeaders, this.#sendHeaders].entries()) {
        headers.writeBigUInt64LE(address(this.#names, (side * slots + slot) * NAME), slot * MMSGHDR);
        headers.writeBigUInt64LE(address(this.#vectors, vector + side * 16), slot * MMSGHDR + 16);
        headers.writeBigUInt64LE(1n, slot * MMSGHDR + 24);
      }
    }
  }

  /** Takes what is there without waiting, up to one batch; how many. Forgets replies that were not flushed. @throws SystemError */
  receive(socket: Socket): number {
    this.#queued = 0;
    // msg_namelen is overwritten by each call.
    for (let slot = 0; slot < this.slots; slot++) this.#receiveHeaders.writeUInt32LE(NAME, slot * MMSGHDR + 8);
    const count = libc.recvmmsg(socket.fd, this.#receiveHeaders, this.slots, MSG_DONTWAIT, null);
    if (count >= 0) return count;
    const code = errno();
    if (code === Errno.EAGAIN || code === Errno.EINTR) return 0;
    throw new SystemError("recvmmsg", code);
  }

  inputStart(slot: number): number {
    return slot * this.#receiveSize;
  }

  inputEnd(slot: number): number {
    return slot * this.#receiveSize + this.#receiveHeaders.readUInt32LE(slot * MMSGHDR + 56);
  }

  /** Who sent it. */
  peer(slot: number): { readonly address: string; readonly port: number } {
    const at = slot * NAME;
    const four = this.#names.readUInt16LE(at) === AF_INET;
    const bytes = four ? this.#names.subarray(at + 4, at + 8) : this.#names.subarray(at + 8, at + 24);
    return { address: bytesToIp(bytes), port: this.#names.readUInt16BE(at + 2) };
  }

  /** Where the next reply goes in `output`. */
  get outputStart(): number {
    return this.#queued * this.sendSize;
  }

  /** Queues `length` bytes at `outputStart` for the sender of `slot`; none when `length` is not positive. At most one reply a slot. */
  reply(slot: number, length: number): void {
    if (length <= 0) return;
    const to = this.#queued++;
    const nameLength = this.#receiveHeaders.readUInt32LE(slot * MMSGHDR + 8);
    this.#names.copy(this.#names, (this.slots + to) * NAME, slot * NAME, slot * NAME + NAME);
    this.#sendHeaders.writeUInt32LE(nameLength, to * MMSGHDR + 8);
    this.#vectors.writeBigUInt64LE(BigInt(length), to * 32 + 24);
  }

  /** Sends what is queued; how many went. A full send buffer drops the rest, and an unreachable peer its own, as UDP may. */
  flush(socket: Socket): number {
    let went = 0;
    for (let next = 0; next < this.#queued; ) {
      const count = libc.sendmmsg(socket.fd, this.#sendHeaders.subarray(next * MMSGHDR), this.#queued - next, MSG_DONTWAIT);
      if (count > 0) {
        went += count;
        next += count;
      } else if (errno() === Errno.EAGAIN) break;
      else if (errno() !== Errno.EINTR) next++;
    }
    this.#queued = 0;
    return went;
  }
}
