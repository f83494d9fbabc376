import { familyOf, HOST } from "#base";
import { arpAnnouncement, BROADCAST_MAC, ETH_P_ARP } from "./arp.ts";
import { LinkPort } from "./link-port.ts";
import { ALL_NODES, ETH_P_IPV6, multicastMac, unsolicitedAdvertisement } from "./ndp.ts";

export interface AnnounceRequest {
  /** The sandbox's namespace and the link in it that has the addresses. */
  readonly namespace?: string;
  readonly link: string;
  /** Without prefix length, of either family. */
  readonly addresses: readonly string[];
  /** 3 unless given; Docker's `com.docker.network.advertise_addr_nmsgs`, 0 to 3. */
  readonly count?: number;
  /** Milliseconds, 1000 unless given; Docker's `com.docker.network.advertise_addr_ms`. */
  readonly interval?: number;
}

export interface Announcement extends Disposable {
  /** Settles when the last message was sent, the link went away, or it was disposed of; never rejects. */
  readonly done: Promise<void>;
}

/**
 * Tells the LAN who has the addresses now: gratuitous ARP (RFC 5227 section 3) and unsolicited advertisements (RFC 4861 section 7.2.6), the first of them
 * before this returns. Neighbours that knew a former holder, and switches that knew another port, learn at once.
 * @throws notFound without such a link; SystemError when the kernel refuses the socket
 */
export function announceAddresses(request: AnnounceRequest): Announcement {
  const { namespace = HOST, link, addresses, count = 3, interval = 1000 } = request;
  const port = new LinkPort({ namespace, link, ethertype: 0 });
  const { promise, resolve } = Promise.withResolvers<void>();
  let timer: NodeJS.Timeout | undefined;
  let left = port.noArp || addresses.length === 0 ? 0 : count;
  const stop = () => {
    clearTimeout(timer);
    port[Symbol.dispose]();
    resolve();
  };
  const round = () => {
    try {
      for (const address of addresses) announce(port, address);
    } catch {
      // The container stopped, or its link is down: there is nothing to tell any more.
      return stop();
    }
    left--;
    if (left <= 0) return stop();
    timer = setTimeout(round, interval);
    timer.unref();
  };
  if (left > 0) round();
  else stop();
  return { done: promise, [Symbol.dispose]: stop };
}

function announce(port: LinkPort, address: string): void {
  if (familyOf(address) === 4) port.send(ETH_P_ARP, BROADCAST_MAC, arpAnnouncement(port.mac, address));
  else port.send(ETH_P_IPV6, multicastMac(ALL_NODES), unsolicitedAdvertisement(port.mac, address));
}
