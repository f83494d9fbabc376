import { bytesToIp, macToBytes } from "#base";
import type { Poller } from "#kernel/ffi";
import { BROADCAST_MAC } from "../arp.ts";
import { LinkPort } from "../link-port.ts";
import { listen } from "../listen.ts";
import { ETH_P_IP, encodeFrame } from "./frame.ts";
import { MESSAGE_TYPES } from "./message.ts";

/** A server's answer made of option bytes: 192.168.56.100 for 02:42:c0:a8:38:1f, transaction 01020304. */
export function replyBytes(
  options: readonly number[],
  fields: { sname?: readonly number[]; file?: readonly number[]; xid?: readonly number[]; mac?: string } = {},
): Uint8Array {
  const bytes = new Uint8Array(240 + options.length);
  bytes.set([2, 1, 6, 0, ...(fields.xid ?? [1, 2, 3, 4])]);
  bytes.set([192, 168, 56, 100], 16);
  bytes.set(macToBytes(fields.mac ?? "02:42:c0:a8:38:1f"), 28);
  bytes.set(fields.sname ?? [], 44);
  bytes.set(fields.file ?? [], 108);
  bytes.set([0x63, 0x82, 0x53, 0x63], 236);
  bytes.set(options, 240);
  return bytes;
}

/** Options of an offer or ACK: message type, server 192.168.56.2, mask /24, and a lease of two minutes. */
export const granting = (type: "offer" | "ack"): number[] => [
  ...[53, 1, MESSAGE_TYPES.indexOf(type), 54, 4, 192, 168, 56, 2],
  ...[1, 4, 255, 255, 255, 0, 51, 4, 0, 0, 0, 120, 255],
];
export const REFUSING: readonly number[] = [53, 1, MESSAGE_TYPES.indexOf("nak"), 54, 4, 192, 168, 56, 2, 255];

/** A client's message, as far as RFC 2131's table 5 speaks of it. */
export interface Heard {
  readonly type: string;
  readonly broadcast: boolean;
  readonly clientAddress: string;
  /** Options 50 and 54; "" where absent. */
  readonly requested: string;
  readonly serverId: string;
  readonly hostname: string;
  readonly xid: readonly number[];
  readonly mac: string;
}

/** A DHCP server of the test's own, in a station's namespace: it answers with whatever it is told to, also what no server says. */
export class FakeServer implements Disposable {
  readonly heard: Heard[] = [];
  readonly #port: LinkPort;
  readonly #listener: Disposable;

  constructor(poller: Poller, namespace: string, answer: (request: Heard) => readonly Uint8Array[]) {
    this.#port = new LinkPort({ namespace, link: "eth0", ethertype: ETH_P_IP, raw: true });
    this.#listener = listen(poller, this.#port, (frame) => {
      const request = readRequest(frame);
      if (!request) return;
      this.heard.push(request);
      for (const payload of answer(request)) this.#send(payload);
    });
  }

  #send(payload: Uint8Array): void {
    const frame = encodeFrame({
      ...{ sourceMac: this.#port.mac, destinationMac: BROADCAST_MAC, source: "192.168.56.2", destination: "255.255.255.255", payload },
    });
    // From 67 to 68, and no checksum.
    frame.set([0, 67, 0, 68], 34);
    frame.set([0, 0], 40);
    this.#port.sendFrame(frame);
  }

  [Symbol.dispose](): void {
    this.#listener[Symbol.dispose]();
    this.#port[Symbol.dispose]();
  }
}

/** Ethernet, IPv4 and UDP are 42 bytes of what our own client sends. */
function readRequest(frame: Uint8Array): Heard | undefined {
  const view = Buffer.from(frame);
  if (view.length < 42 + 240 || view[23] !== 17 || view.readUInt16BE(36) !== 67) return undefined;
  const message = view.subarray(42);
  const options = new Map<number, Buffer>();
  for (let at = 240; at < message.length && message[at] !== 255; at += 2 + message[at + 1]!) {
    options.set(message[at]!, message.subarray(at + 2, at + 2 + message[at + 1]!));
  }
  const ip = (code: number) => (options.has(code) ? bytesToIp(options.get(code)!) : "");
  return {
    type: MESSAGE_TYPES[options.get(53)?.[0] ?? 0] ?? "",
    broadcast: (message.readUInt16BE(10) & 0x8000) !== 0,
    clientAddress: bytesToIp(message.subarray(12, 16)),
    ...{ requested: ip(50), serverId: ip(54) },
    hostname: options.get(12)?.toString() ?? "",
    xid: [...message.subarray(4, 8)],
    mac: message.toString("hex", 28, 34).match(/../g)!.join(":"),
  };
}
