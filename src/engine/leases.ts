import { canonicalIp, conflict, type Family, invalid, messageOf, shortId, withContext } from "#base";
import { parseLanOptions, sharesParentMac } from "#drivers";
import type { Context } from "./context.ts";
import { namespacePath } from "./desired.ts";
import { dhcpMacOf, type Grant, grantOf, isDhcp } from "./dhcp-network.ts";
import type { LanGuard } from "./lan-guard.ts";
import type { DhcpDoor, DhcpIdentity, DhcpLease } from "./options.ts";
import type { Attachment, NetworkRecord, SandboxRecord } from "./records.ts";
import type { SandboxSpec } from "./types.ts";

/** Where a container is to have leases, or has them. */
export interface LeasePlace {
  readonly spec: SandboxSpec;
  readonly attachment: Attachment;
  readonly network: NetworkRecord;
}

type LeaseChange = (containerId: string, networkId: string, grant: Grant) => Promise<void>;

/** How many addresses in a row that a server gives may turn out to be somebody's. */
const ATTEMPTS = 3;

/**
 * Leases of containers: got before a container starts or joins, renewed by the daemon while it runs, kept on disk over restarts of both, and given
 * back when the container is removed or leaves.
 */
export class Leases {
  readonly #context: Context;
  readonly #dhcp: DhcpDoor;
  readonly #guard: LanGuard;
  readonly #change: LeaseChange;
  /** `<container>/<network>/<family>` */
  readonly #kept = new Map<string, Disposable>();

  /** @param change makes the container's record, and the container if it runs, have the lease's address */
  constructor(context: Context, dhcp: DhcpDoor, guard: LanGuard, change: LeaseChange) {
    this.#context = context;
    this.#dhcp = dhcp;
    this.#guard = guard;
    this.#change = change;
  }

  /** Gets what a container that is down needs to start. @throws unavailable when no server answers and no former lease is valid */
  async settle(containerId: string): Promise<void> {
    const record = this.#context.state.sandbox(containerId);
    if (!record || record.up) return;
    for (const place of this.#places(record)) {
      for (const grant of await this.obtain(place)) await this.#change(containerId, place.network.id, grant);
    }
  }

  /** A lease of each family of the network, recorded; none of IPv6 where the LAN's stations make their own addresses. @throws as `settle()` */
  async obtain(place: LeasePlace): Promise<readonly Grant[]> {
    const { network } = place;
    const families = ([4, 6] as const).filter((family) => (family === 4 ? network.ipv4 : network.ipv6));
    const outcomes = await Promise.allSettled(families.map((family) => this.#obtainOne(place, family)));
    return outcomes.flatMap((outcome) => {
      if (outcome.status === "rejected") throw outcome.reason;
      return outcome.value ?? [];
    });
  }

  async #obtainOne(place: LeasePlace, family: Family): Promise<Grant | undefined> {
    const { spec, network } = place;
    const { state } = this.#context;
    const identity = this.#identity(place);
    let previous = state.lease(spec.containerId, network.id, family);
    if (family === 6 && !previous && (await this.#isAutonomous(identity.link))) return undefined;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const lease = await this.#ask(place, family, identity, previous);
      const holder = await this.#guard.holderOf(network, lease.address);
      if (holder === undefined) {
        await state.putLease(spec.containerId, network.id, family, lease);
        return grantOf(network, family, lease);
      }
      this.#context.log.warn("leased address is in use on the LAN", { network: network.name, address: lease.address, holder });
      this.#giveBack(place, family, lease, "decline");
      previous = undefined;
    }
    throw conflict(`Cannot use the leases of network "${network.name}": ${ATTEMPTS} addresses in a row are in use on the LAN`, {
      code: "lan-addresses-in-use",
    });
  }

  /** RFC 4861 section 4.2: without flag M there is no server to ask, and stations make addresses of the router's prefix. */
  async #isAutonomous(link: string): Promise<boolean> {
    const advice = await this.#dhcp.solicitRouter(link);
    return advice !== undefined && !advice.managed && advice.autonomous;
  }

  async #ask(place: LeasePlace, family: Family, identity: DhcpIdentity, previous: DhcpLease | undefined): Promise<DhcpLease> {
    const { spec, attachment, network } = place;
    const requested = family === 4 ? attachment.spec.ipv4 : attachment.spec.ipv6;
    const asked = { ...identity, ...(previous ? { previous } : {}), ...(requested ? { requested } : {}) };
    const { lease, confirmed } = await this.#dhcp.acquireLease(family, asked).catch((error: unknown) => {
      throw family === 6 ? withContext(`network "${network.name}" has --ipv6`, error) : error;
    });
    if (requested && lease.address !== canonicalIp(requested)) {
      this.#giveBack(place, family, lease, "release");
      throw otherAddress(lease, requested, identity.mac);
    }
    if (!confirmed)
      this.#context.log.warn("DHCP server silent: a former lease is used on", { container: spec.containerName, address: lease.address });
    return lease;
  }

  /** Renews the leases of a container that runs. */
  keep(containerId: string): void {
    const record = this.#context.state.sandbox(containerId);
    if (!record?.up) return;
    for (const place of this.#places(record)) for (const family of [4, 6] as const) this.#keepOne(place, family);
  }

  #keepOne(place: LeasePlace, family: Family): void {
    const { log, state, emit } = this.#context;
    const { network, spec } = place;
    const { containerId, containerName } = spec;
    const key = `${containerId}/${network.id}/${family}`;
    const lease = state.lease(containerId, network.id, family);
    if (!lease || this.#kept.has(key)) return;
    const kept = this.#dhcp.keepLease(family, this.#runningIdentity(place, family), lease, {
      onLease: (renewed) => {
        void this.#renewed(place, family, renewed).catch((error: unknown) =>
          log.error("lease not recorded", { container: containerName, error: messageOf(error) }),
        );
      },
      onLost: (reason) => {
        const { address } = state.lease(containerId, network.id, family) ?? lease;
        log.error("lease lost", { container: containerName, address, reason });
        emit("conflict", network, { container: containerId, address, lease: reason });
      },
    });
    this.#kept.set(key, kept);
  }

  async #renewed({ spec: { containerId }, network }: LeasePlace, family: Family, lease: DhcpLease): Promise<void> {
    const { state } = this.#context;
    if (!this.#kept.has(`${containerId}/${network.id}/${family}`)) return;
    await state.putLease(containerId, network.id, family, lease);
    await this.#change(containerId, network.id, grantOf(network, family, lease));
  }

  /** The container stopped: its leases run on by themselves and are asked for again at its next start. */
  pause(containerId: string): void {
    for (const key of [...this.#kept.keys()]) if (key.startsWith(`${containerId}/`)) this.#stop(key);
  }

  /**
   * What gives leases back once the container's interface is gone: all of the container's, or those of one network. Asked for while the records
   * are there.
   */
  farewell(containerId: string, networkId?: string): () => Promise<void> {
    const record = this.#context.state.sandbox(containerId);
    const places = record ? this.#places(record).filter(({ network }) => networkId === undefined || network.id === networkId) : [];
    return async () => {
      for (const place of places) await this.forget(place);
    };
  }

  /** A network goes: containers that are down may have leases of it still. */
  async forgetNetwork(network: NetworkRecord): Promise<void> {
    for (const { spec } of this.#context.state.membersOf(network.id)) await this.farewell(spec.containerId, network.id)();
  }

  /** Gives back what one place has. */
  async forget(place: LeasePlace): Promise<void> {
    const { state } = this.#context;
    const { spec, network } = place;
    for (const family of [4, 6] as const) {
      this.#stop(`${spec.containerId}/${network.id}/${family}`);
      const lease = state.lease(spec.containerId, network.id, family);
      if (!lease) continue;
      await state.deleteLease(spec.containerId, network.id, family);
      this.#giveBack(place, family, lease, "release");
    }
  }

  /** Nobody waits for the server's answer. */
  #giveBack(place: LeasePlace, family: Family, lease: DhcpLease, why: "release" | "decline"): void {
    const failed = (error: unknown) =>
      this.#context.log.warn("lease not given back", {
        container: place.spec.containerName,
        address: lease.address,
        error: messageOf(error),
      });
    void this.#dhcp.giveLeaseBack(family, this.#identity(place), lease, why).catch(failed);
  }

  #stop(key: string): void {
    this.#kept.get(key)?.[Symbol.dispose]();
    this.#kept.delete(key);
  }

  closeAll(): void {
    for (const key of [...this.#kept.keys()]) this.#stop(key);
  }

  #places({ spec, attachments }: SandboxRecord): LeasePlace[] {
    return attachments.flatMap((attachment) => {
      const network = this.#context.state.network(attachment.networkId) ?? this.#context.state.networkNamed(attachment.network);
      return network && isDhcp(network) ? [{ spec, attachment, network }] : [];
    });
  }

  /** On the parent: for what is asked while the container has no interface there. */
  #identity({ spec, attachment, network }: LeasePlace): DhcpIdentity {
    const options = parseLanOptions(network);
    const shared = sharesParentMac(options) ? this.#context.facts().link(options.parent)?.mac : undefined;
    return {
      link: options.parent,
      mac: shared ?? (attachment.spec.mac || dhcpMacOf(spec.containerId)),
      client: `${network.id} ${spec.containerId}`,
      hostname: lanNameOf(spec),
    };
  }

  /**
   * From inside, as a renewal is the container's own unicast. DHCPv6 speaks from a link-local address: that of ipvlan's shared MAC is the parent's,
   * so there the parent speaks.
   */
  #runningIdentity(place: LeasePlace, family: Family): DhcpIdentity {
    const { attachment, network, spec } = place;
    const identity = this.#identity(place);
    if (family === 6 && network.driver === "ipvlan") return identity;
    return { ...identity, link: attachment.ifname, namespace: namespacePath(this.#context.config.execRoot, spec.containerId) };
  }
}

/** The host name that the user gave; else the container's name, as Docker's own default, the id, says nothing to anybody on the LAN. */
const lanNameOf = ({ containerId, containerName, hostname }: SandboxSpec): string =>
  hostname === "" || hostname === shortId(containerId) ? containerName : hostname;

const otherAddress = ({ server, address }: DhcpLease, wanted: string, mac: string) =>
  invalid(`DHCP server ${server} gives ${address}, not ${wanted}: reserve it there for MAC ${mac}`, {
    code: "dhcp-other-address",
    context: { wanted, given: address, mac },
  });
