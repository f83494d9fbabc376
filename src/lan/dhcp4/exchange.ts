import { randomBytes } from "node:crypto";
import { macToBytes } from "#base";
import type { Poller } from "#kernel/ffi";
import { BROADCAST_MAC } from "../arp.ts";
import { ask } from "../ask.ts";
import { LinkPort } from "../link-port.ts";
import { DHCP_FILTER, decodeFrame, ETH_P_IP, encodeFrame } from "./frame.ts";
import { type DhcpReply, type DhcpRequest, decodeDhcp, encodeDhcp } from "./message.ts";

/** Who asks, and where: on the parent before the container's link is there, in the sandbox afterwards. */
export interface Dhcp4Identity {
  readonly namespace?: string;
  readonly link: string;
  /** The container's own; the parent's for ipvlan. */
  readonly mac: string;
  /** See `clientIdOf()`. */
  readonly clientId: Uint8Array;
  readonly hostname?: string;
}

export interface Unicast {
  /** From the address the client has. */
  readonly source: string;
  readonly server: string;
  readonly serverMac: string;
}

export interface Answer {
  readonly reply: DhcpReply;
  readonly senderMac: string;
}

/** RFC 2131 table 5: only who waits for an answer says how it is to come. */
const isAnswered = ({ type }: Pick<DhcpRequest, "type">): boolean => type === "discover" || type === "request";

type Draft = Omit<DhcpRequest, "xid" | "mac" | "clientId" | "hostname" | "seconds" | "broadcast">;

/** A socket for one conversation, with one transaction id. Closed between conversations, so that an idle lease costs nothing. */
export class Conversation implements Disposable {
  readonly #poller: Poller;
  readonly #port: LinkPort;
  readonly #identity: Dhcp4Identity;
  readonly #xid = randomBytes(4).readUInt32BE();
  readonly #began = performance.now();

  /** @throws notFound without such a link; SystemError when the kernel refuses */
  constructor(poller: Poller, identity: Dhcp4Identity) {
    this.#poller = poller;
    this.#identity = identity;
    const { namespace, link } = identity;
    this.#port = new LinkPort({ ...(namespace ? { namespace } : {}), link, ethertype: ETH_P_IP, raw: true, filter: DHCP_FILTER });
    // Servers that do not heed the broadcast flag answer to the MAC that asked.
    if (identity.mac !== this.#port.mac) this.#port.hear(identity.mac);
  }

  /** One message, to everybody or to the server. Nothing is sent while the link is down. */
  send(draft: Draft, unicast?: Unicast): void {
    const { mac, clientId, hostname } = this.#identity;
    const payload = encodeDhcp({
      ...draft,
      ...{ xid: this.#xid, mac, clientId, broadcast: isAnswered(draft) && draft.clientAddress === undefined },
      seconds: Math.trunc((performance.now() - this.#began) / 1000),
      ...(hostname === undefined ? {} : { hostname }),
    });
    const frame = encodeFrame({
      sourceMac: mac,
      destinationMac: unicast?.serverMac ?? BROADCAST_MAC,
      source: unicast?.source ?? draft.clientAddress ?? "0.0.0.0",
      destination: unicast?.server ?? "255.255.255.255",
      payload,
    });
    try {
      this.#port.sendFrame(frame);
    } catch {
      // The link is down: as good as lost on the way, and sent again later.
    }
  }

  /** See {@link ask}. */
  ask<T>(
    draft: Draft,
    waits: readonly number[],
    accept: (answer: Answer) => T | undefined,
    options: { unicast?: Unicast | undefined; signal?: AbortSignal | undefined } = {},
  ): Promise<T | undefined> {
    const own = macToBytes(this.#identity.mac);
    return ask(this.#poller, this.#port, {
      send: () => this.send(draft, options.unicast),
      waits,
      accept: (frame) => {
        const datagram = decodeFrame(frame);
        const reply = datagram && decodeDhcp(datagram.payload);
        if (!reply || reply.xid !== this.#xid || Buffer.compare(reply.mac, own) !== 0) return undefined;
        return accept({ reply, senderMac: datagram.sourceMac });
      },
      signal: options.signal,
    });
  }

  [Symbol.dispose](): void {
    this.#port[Symbol.dispose]();
  }
}
