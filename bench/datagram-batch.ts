import koffi from "koffi";
import type { DatagramPort, DatagramReceiver, Peer } from "#dns";
import { openUdp, type Poller, type Socket, type Watch } from "#kernel/ffi";

/**
 * `DatagramPort` on recvmmsg(2) and sendmmsg(2): up to 64 datagrams a system call, answered in place, no object a datagram. x86-64 and arm64 layouts of
 * struct msghdr (56 octets), mmsghdr (64) and iovec (16) are the same. It lives here until `kernel/ffi` has one.
 */
const SLOTS = 64;
/** Longest query taken; a longer one arrives cut and is answered FORMERR. */
const RX_SLOT = 2048;
const TX_SLOT = 4096;
const NAME_SLOT = 32;
const MSGHDR = 64;
/** Batches taken in one go: other sandboxes have their turn too. */
const ROUNDS = 16;
const MSG_DONTWAIT = 0x40;

const library = koffi.load(null);
const recvmmsg = library.func("recvmmsg", "int", ["int", "void *", "uint32_t", "int", "void *"]);
const sendmmsg = library.func("sendmmsg", "int", ["int", "void *", "uint32_t", "int"]);

/** Buffers and headers for one call at a time: one for all ports of a process (0.4 MB). */
export class DatagramBatch {
  readonly rx = Buffer.alloc(SLOTS * RX_SLOT);
  readonly tx = Buffer.alloc(SLOTS * TX_SLOT);
  readonly names = Buffer.alloc(SLOTS * NAME_SLOT);
  readonly rxHeaders = new Uint32Array((SLOTS * MSGHDR) / 4);
  readonly txHeaders = new Uint32Array((SLOTS * MSGHDR) / 4);
  // Referenced by the kernel only, through the headers: must be kept.
  readonly #rxVectors = new BigUint64Array(SLOTS * 2);
  readonly #txVectors = new BigUint64Array(SLOTS * 2);
  readonly txVectorLengths: Uint32Array;
  readonly rxPointer: Uint8Array;
  readonly txPointer: Uint8Array;

  constructor() {
    const address = (view: ArrayBufferView) => BigInt(koffi.address(view as unknown as object));
    this.txVectorLengths = new Uint32Array(this.#txVectors.buffer);
    this.rxPointer = new Uint8Array(this.rxHeaders.buffer);
    this.txPointer = new Uint8Array(this.txHeaders.buffer);
    const wide = [new BigUint64Array(this.rxHeaders.buffer), new BigUint64Array(this.txHeaders.buffer)];
    for (let slot = 0; slot < SLOTS; slot++) {
      this.#rxVectors[slot * 2] = address(this.rx) + BigInt(slot * RX_SLOT);
      this.#rxVectors[slot * 2 + 1] = BigInt(RX_SLOT);
      this.#txVectors[slot * 2] = address(this.tx) + BigInt(slot * TX_SLOT);
      for (const [index, header] of wide.entries()) {
        header[slot * 8] = address(this.names) + BigInt(slot * NAME_SLOT);
        header[slot * 8 + 1] = BigInt(NAME_SLOT);
        header[slot * 8 + 2] = address(index === 0 ? this.#rxVectors : this.#txVectors) + BigInt(slot * 16);
        header[slot * 8 + 3] = 1n;
      }
    }
  }

  receive(fd: number): number {
    // msg_namelen is overwritten by each call.
    for (let slot = 0; slot < SLOTS; slot++) this.rxHeaders[slot * 16 + 2] = NAME_SLOT;
    return recvmmsg(fd, this.rxPointer, SLOTS, MSG_DONTWAIT, null);
  }

  send(fd: number, count: number): number {
    return sendmmsg(fd, this.txPointer, count, MSG_DONTWAIT);
  }
}

export class BatchDatagramPort implements DatagramPort {
  readonly #socket: Socket;
  readonly #poller: Poller;
  readonly #batch: DatagramBatch;
  #watch: Watch | undefined;

  constructor(socket: Socket, poller: Poller, batch: DatagramBatch) {
    this.#socket = socket;
    this.#poller = poller;
    this.#batch = batch;
  }

  start(receiver: DatagramReceiver): void {
    this.#watch = this.#poller.add(this.#socket, () => this.#drain(receiver), { keepAlive: true });
  }

  #drain(receiver: DatagramReceiver): void {
    const batch = this.#batch;
    const { rx, tx, names, rxHeaders, txHeaders, txVectorLengths } = batch;
    let slot = 0;
    const peer = () => {
      const name = slot * NAME_SLOT;
      return { address: names.subarray(name + 4, name + 8).join("."), port: names.readUInt16BE(name + 2) };
    };
    for (let round = 0; round < ROUNDS; round++) {
      const count = batch.receive(this.#socket.fd);
      if (count <= 0) return;
      let out = 0;
      for (slot = 0; slot < count; slot++) {
        const start = slot * RX_SLOT;
        const name = slot * NAME_SLOT;
        const length = receiver.receive(rx, start, start + rxHeaders[slot * 16 + 14]!, tx, out * TX_SLOT, TX_SLOT, peer);
        if (length <= 0) continue;
        if (out !== slot) names.copyWithin(out * NAME_SLOT, name, name + 16);
        txHeaders[out * 16 + 2] = 16;
        txVectorLengths[out * 4 + 2] = length;
        out++;
      }
      for (let sent = 0; sent < out; ) {
        const now = batch.send(this.#socket.fd, out - sent);
        // A full send buffer drops the rest, as UDP may.
        if (now <= 0 || sent + now === out) break;
        sent += now;
      }
    }
  }

  send(data: Uint8Array, peer: Peer): void {
    const address = Buffer.alloc(16);
    address.writeUInt16LE(2, 0);
    address.writeUInt16BE(peer.port, 2);
    address.set(peer.address.split(".").map(Number), 4);
    this.#socket.sendTo(data, address);
  }

  close(): void {
    this.#watch?.[Symbol.dispose]();
    this.#socket.close();
  }
}

/** A bound port in the current namespace. */
export const openBatchPort = (
  address: string,
  port: number,
  poller: Poller,
  batch: DatagramBatch,
): { port: number; datagrams: BatchDatagramPort } => {
  const socket = openUdp({ address, port });
  const local = socket.localAddress as { port: number };
  return { port: local.port, datagrams: new BatchDatagramPort(socket, poller, batch) };
};
