import { bytesToMac } from "#base";
import type { Poller } from "#kernel/ffi";
import type { LinkPort } from "./link-port.ts";

/** A wake-up reads no more than this, so that a flood on the LAN does not hold up the rest of the process. */
const BURST = 64;

export interface Listener extends Disposable {
  /** Hands over now what has come in the meantime: a process that had no time finds its timers due before it is told of packets. */
  read(): void;
}

/**
 * Hands over what a port receives, with the frame's source MAC. `onDown` is told when the link goes down or away; the kernel goes on by itself when
 * the same link comes up again.
 */
export function listen(
  poller: Poller,
  port: LinkPort,
  onPacket: (packet: Uint8Array, sender: string) => void,
  onDown?: () => void,
): Listener {
  const buffer = new Uint8Array(2048);
  const read = () => {
    for (let count = 0; count < BURST; count++) {
      let received: ReturnType<LinkPort["socket"]["receiveFrom"]>;
      try {
        received = port.socket.receiveFrom(buffer);
      } catch {
        // ENETDOWN, once; there is no other error a packet socket reads.
        onDown?.();
        return;
      }
      if (received === undefined) return;
      const { from, length } = received;
      if (from.family === "packet") onPacket(buffer.subarray(0, length), bytesToMac(from.mac));
    }
  };
  const watch = poller.add(port.socket, read);
  return { read, [Symbol.dispose]: () => watch[Symbol.dispose]() };
}
