import { bytesToMac } from "#base";
import type { Poller } from "#kernel/ffi";
import type { LinkPort } from "./link-port.ts";

/** A wake-up reads no more than this, so that a flood on the LAN does not hold up the rest of the process. */
const BURST = 64;

/**
 * Hands over what a port receives, with the frame's source MAC. `onDown` is told when the link goes down or away; the kernel goes on by itself when
 * the same link comes up again.
 */
export function listen(
  poller: Poller,
  port: LinkPort,
  onPacket: (packet: Uint8Array, sender: string) => void,
  onDown?: () => void,
): Disposable {
  const buffer = new Uint8Array(2048);
  return poller.add(port.socket, () => {
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
  });
}
