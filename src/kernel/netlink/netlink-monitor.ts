import type { Poller, Watch } from "#kernel/ffi";
import type { NetlinkMessage } from "./message.ts";
import { NetlinkSocket } from "./netlink-socket.ts";
import { KernelTransport, type KernelTransportOptions } from "./transport.ts";

export interface NetlinkMonitorOptions extends KernelTransportOptions {
  readonly groups: readonly number[];
  readonly poller: Poller;
  /**
   * Called with all that was there at one wake-up, in the kernel's order. `resync`: some were dropped, so what is known must be read again;
   * there may then be no messages.
   */
  readonly onMessages: (messages: readonly NetlinkMessage[], resync: boolean) => void;
}

/** Listens to multicast groups of a namespace from the moment it is made: open it first, dump after, and nothing is missed. */
export class NetlinkMonitor implements Disposable {
  readonly #socket: NetlinkSocket;
  readonly #watch: Watch;
  readonly #onMessages: NetlinkMonitorOptions["onMessages"];

  /** @throws SystemError when the namespace is not there */
  constructor(options: NetlinkMonitorOptions) {
    const transport = new KernelTransport(options);
    this.#socket = new NetlinkSocket(transport);
    this.#onMessages = options.onMessages;
    this.#watch = options.poller.add(transport.socket, () => this.#deliver());
  }

  /** What is left over wakes us again. */
  #deliver(): void {
    const { messages, resync } = this.#socket.drain();
    if (messages.length > 0 || resync) this.#onMessages(messages, resync);
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
    this.#socket[Symbol.dispose]();
  }
}
