import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { FairwayError } from "#base";
import type { Poller } from "#kernel/ffi";
import { ask } from "../ask.ts";
import { PAUSE } from "../dhcp4/acquire.ts";
import type { Dhcp4Identity } from "../dhcp4/exchange.ts";
import type { LeaseProtocol } from "../lease-keeper.ts";
import { LinkPort } from "../link-port.ts";
import { decodeNeighbour, ETH_P_IPV6, encodeNeighbour, multicastMac, solicitedNode } from "../ndp.ts";
import { DHCP6_FILTER, decodeFrame6, encodeFrame6, ethernet6, linkLocalOf } from "./frame.ts";
import { type Dhcp6Lease, expiryOf6, leaseIn, momentOf, serverIdOf } from "./lease.ts";
import { type Dhcp6Reply, type Dhcp6Request, decodeDhcp6, encodeDhcp6 } from "./message.ts";

/** As DHCPv4's: one client id serves both (RFC 4361). */
export type Dhcp6Identity = Dhcp4Identity;

export interface Dhcp6Wanted extends Dhcp6Identity {
  readonly previous?: Dhcp6Lease;
  readonly requested?: string;
  /** Milliseconds in all; 15 000 unless given. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

type Draft = Pick<Dhcp6Request, "type" | "address" | "serverId">;

/** A socket for one exchange. It answers neighbour solicitations for the link-local address it speaks from, which no kernel may have yet. */
class Exchange implements Disposable {
  readonly #poller: Poller;
  readonly #port: LinkPort;
  readonly #mac: string;
  readonly #identity: { readonly duid: Uint8Array; readonly iaid: number; readonly hostname?: string };
  readonly #began = performance.now();

  constructor(poller: Poller, { namespace, link, mac, clientId, hostname }: Dhcp6Identity) {
    this.#poller = poller;
    this.#mac = mac;
    // RFC 4361: type 255, IAID, DUID.
    const iaid = new DataView(clientId.buffer, clientId.byteOffset).getUint32(1);
    this.#identity = { duid: clientId.subarray(5), iaid, ...(hostname === undefined ? {} : { hostname }) };
    this.#port = new LinkPort({ ...(namespace ? { namespace } : {}), link, ethertype: ETH_P_IPV6, raw: true, filter: DHCP6_FILTER });
    this.#port.join(multicastMac(solicitedNode(linkLocalOf(mac))));
    if (mac !== this.#port.mac) this.#port.hear(mac);
  }

  #send(xid: number, draft: Draft): void {
    const elapsed = Math.trunc((performance.now() - this.#began) / 10);
    this.#sendFrame(encodeFrame6(this.#mac, encodeDhcp6({ ...this.#identity, ...draft, xid, elapsed })));
  }

  #sendFrame(frame: Uint8Array): void {
    try {
      this.#port.sendFrame(frame);
    } catch {
      // The link is down: as good as lost on the way.
    }
  }

  #answerNeighbour(packet: Uint8Array, asker: string): undefined {
    const message = decodeNeighbour(packet);
    const own = linkLocalOf(this.#mac);
    if (message?.kind !== "solicitation" || message.target !== own || message.source === "::") return;
    const advertisement = encodeNeighbour({ kind: "advertisement", source: own, destination: message.source, target: own, mac: this.#mac });
    this.#sendFrame(ethernet6(this.#mac, asker, advertisement));
  }

  /** See {@link ask}. */
  ask<T>(
    draft: Draft,
    waits: readonly number[],
    accept: (reply: Dhcp6Reply) => T | undefined,
    signal?: AbortSignal,
  ): Promise<T | undefined> {
    const xid = randomBytes(3).readUIntBE(0, 3);
    return ask(this.#poller, this.#port, {
      send: () => this.#send(xid, draft),
      waits,
      accept: (frame) => {
        const received = decodeFrame6(frame);
        if (!received) return undefined;
        if (!received.payload) return this.#answerNeighbour(received.packet, received.sourceMac);
        const reply = decodeDhcp6(received.payload, this.#identity.iaid);
        if (!reply || reply.xid !== xid || Buffer.compare(reply.duid, this.#identity.duid) !== 0) return undefined;
        return accept(reply);
      },
      signal,
    });
  }

  [Symbol.dispose](): void {
    this.#port[Symbol.dispose]();
  }
}

/**
 * An IPv6 address from the LAN's DHCP server (RFC 8415: Solicit, Advertise, Request, Reply). The first that offers one is asked, whatever its
 * preference: a container waits here.
 * @throws FairwayError `unavailable` when no server answered or gave one; notFound without such a link
 */
export async function acquireDhcp6(poller: Poller, wanted: Dhcp6Wanted): Promise<{ lease: Dhcp6Lease; confirmed: boolean }> {
  const { previous, timeout = 15_000, signal, link } = wanted;
  using exchange = new Exchange(poller, wanted);
  const deadline = performance.now() + timeout;
  if (previous && expiryOf6(previous) > Date.now()) {
    const again = await extend(exchange, previous, "rebind", [1000, 2000], signal);
    if (again === undefined) return { lease: previous, confirmed: false };
    if (again !== "nak") return { lease: again, confirmed: true };
  }
  const hint = wanted.requested ?? previous?.address;
  for (let wait = 1000; performance.now() < deadline && !signal?.aborted; wait = Math.min(wait * 2, 8000)) {
    const offered = (reply: Dhcp6Reply) => (reply.type === "advertise" && reply.status === 0 && reply.address ? reply : undefined);
    const left = Math.max(deadline - performance.now(), 1);
    const offer = await exchange.ask({ type: "solicit", ...(hint ? { address: hint } : {}) }, [Math.min(wait, left)], offered, signal);
    if (!offer?.address) continue;
    const asked = Date.now();
    const draft = { type: "request", address: offer.address.address, serverId: offer.serverId } as const;
    const lease = await exchange.ask(draft, [1000, 2000], (reply) => leaseIn(reply, asked), signal);
    if (lease !== undefined && lease !== "nak") return { lease, confirmed: true };
    await sleep(PAUSE);
  }
  throw new FairwayError(
    "unavailable",
    `Cannot get an IPv6 address by DHCP on ${link}: no server gave one within ${Math.round(timeout / 1000)} s`,
    {
      code: "no-dhcp-lease",
      context: { link, mac: wanted.mac },
    },
  );
}

function extend(exchange: Exchange, lease: Dhcp6Lease, phase: "renew" | "rebind", waits: readonly number[], signal?: AbortSignal) {
  const asked = Date.now();
  const draft = { type: phase, address: lease.address, ...(phase === "renew" ? { serverId: serverIdOf(lease) } : {}) };
  return exchange.ask(draft, waits, (reply) => leaseIn(reply, asked), signal);
}

/** Gives a lease back. Sent a second time when it is not acknowledged within a second; never rejects for a silent server. @throws notFound without such a link */
export async function releaseDhcp6(
  poller: Poller,
  identity: Dhcp6Identity,
  lease: Dhcp6Lease,
  type: "release" | "decline" = "release",
): Promise<void> {
  using exchange = new Exchange(poller, identity);
  await exchange.ask({ type, address: lease.address, serverId: serverIdOf(lease) }, [1000, 1000], () => true);
}

export const dhcp6Protocol = (poller: Poller, identity: Dhcp6Identity): LeaseProtocol<Dhcp6Lease> => ({
  times: (lease) => ({ renew: momentOf(lease, lease.renew), rebind: momentOf(lease, lease.rebind), expiry: expiryOf6(lease) }),
  async extend(lease, phase, signal) {
    try {
      using exchange = new Exchange(poller, identity);
      return await extend(exchange, lease, phase, [2000, 4000], signal);
    } catch {
      // The link is gone for now: the lease is not.
      return undefined;
    }
  },
  async anew({ address }, signal) {
    try {
      return (await acquireDhcp6(poller, { ...identity, requested: address, signal })).lease;
    } catch {
      return undefined;
    }
  },
});
