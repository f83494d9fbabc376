import type { Poller } from "#kernel/ffi";
import type { LeaseProtocol } from "../lease-keeper.ts";
import { acquireDhcp4, askFor } from "./acquire.ts";
import { Conversation, type Dhcp4Identity } from "./exchange.ts";
import { type Dhcp4Lease, expiryOf, INFINITE } from "./lease.ts";

const WAITS = [2000, 4000];

/** RENEWING is unicast to the server, REBINDING asks everybody (RFC 2131 section 4.4.5). */
export const dhcp4Protocol = (poller: Poller, identity: Dhcp4Identity): LeaseProtocol<Dhcp4Lease> => ({
  times(lease) {
    const at = (seconds: number) => (lease.lease === INFINITE ? Number.POSITIVE_INFINITY : lease.obtained + seconds * 1000);
    return { renew: at(lease.renew), rebind: at(lease.rebind), expiry: expiryOf(lease) };
  },
  async extend({ address, server, serverMac }, phase, signal) {
    try {
      using conversation = new Conversation(poller, identity);
      const unicast = phase === "renew" ? { source: address, server, serverMac } : undefined;
      return await askFor(conversation, { clientAddress: address }, WAITS, signal, unicast);
    } catch {
      // The link is gone for now: the lease is not.
      return undefined;
    }
  },
  async anew({ address }, signal) {
    try {
      return (await acquireDhcp4(poller, { ...identity, requested: address, signal })).lease;
    } catch {
      return undefined;
    }
  },
});
