import { FairwayError, invalid, messageOf } from "#base";
import { isLanDriver, parseLanOptions } from "#drivers";
import type { Context } from "./context.ts";
import { namespacePath } from "./desired.ts";
import type { DhcpDoor, DhcpIdentity, DhcpLease } from "./options.ts";
import type { Attachment, NetworkRecord, SandboxRecord } from "./records.ts";

/** `--ipam-driver fairway-dhcp`: containers' addresses come from the LAN's own DHCP server. */
export const DHCP_IPAM = "fairway-dhcp";
export const isDhcp = (network: Pick<NetworkRecord, "ipam">): boolean => network.ipam.driver === DHCP_IPAM;

/** The MAC of a container before it has an address to derive one from: its own id's, so that a server knows it again. */
export const dhcpMacOf = (containerId: string): string => `02:42:${containerId.slice(0, 8).match(/../g)!.join(":")}`;

type LeaseChange = (containerId: string, networkId: string, lease: DhcpLease) => Promise<void>;

/**
 * Leases of containers: got before a container starts, renewed by the daemon while it runs, kept on disk over restarts of both, and given back when
 * the container is removed.
 */
export class Leases {
  readonly #context: Context;
  readonly #dhcp: DhcpDoor;
  readonly #change: LeaseChange;
  readonly #kept = new Map<string, Disposable>();

  /** @param change makes the container's record, and the container if it runs, have the lease's address */
  constructor(context: Context, dhcp: DhcpDoor, change: LeaseChange) {
    this.#context = context;
    this.#dhcp = dhcp;
    this.#change = change;
  }

  /** Gets what a container that is down needs to start. @throws unavailable when no server answers and no former lease is valid */
  async settle(containerId: string): Promise<void> {
    const record = this.#context.state.sandbox(containerId);
    if (!record || record.up) return;
    for (const { attachment, network } of this.#placed(record)) {
      const identity = this.#identity(record, attachment, network);
      const previous = this.#context.state.lease(containerId, network.id);
      const { lease, confirmed } = await this.#dhcp.acquireDhcp4({
        ...identity,
        ...(previous ? { previous } : {}),
        ...(attachment.spec.ipv4 ? { requested: attachment.spec.ipv4 } : {}),
      });
      if (attachment.spec.ipv4 && lease.address !== attachment.spec.ipv4) {
        this.#dhcp.releaseDhcp4(identity, lease);
        throw invalid(
          `DHCP server ${lease.server} gives ${lease.address}, not ${attachment.spec.ipv4}: reserve it there for MAC ${identity.mac}`,
          {
            code: "dhcp-other-address",
            context: { wanted: attachment.spec.ipv4, given: lease.address, mac: identity.mac },
          },
        );
      }
      if (!confirmed)
        this.#context.log.warn("DHCP server silent: a former lease is used on", {
          container: record.spec.containerName,
          address: lease.address,
        });
      await this.#context.state.putLease(containerId, network.id, lease);
      await this.#change(containerId, network.id, lease);
    }
  }

  /** Renews the leases of a container that runs. */
  keep(containerId: string): void {
    const record = this.#context.state.sandbox(containerId);
    if (!record?.up) return;
    for (const { attachment, network } of this.#placed(record)) {
      const key = `${containerId} ${network.id}`;
      const lease = this.#context.state.lease(containerId, network.id);
      if (!lease || this.#kept.has(key)) continue;
      const { containerName } = record.spec;
      // From inside: a renewal is the container's own unicast, from the address it has.
      const inside = {
        ...this.#identity(record, attachment, network),
        link: attachment.ifname,
        namespace: namespacePath(this.#context.config.execRoot, containerId),
      };
      const kept = this.#dhcp.keepDhcp4(inside, lease, {
        onLease: (renewed) => {
          void this.#renewed(containerId, network.id, renewed).catch((error: unknown) =>
            this.#context.log.error("lease not recorded", { container: containerName, error: messageOf(error) }),
          );
        },
        onLost: (reason) => {
          this.#context.log.error("lease lost", { container: containerName, address: lease.address, reason });
          this.#context.emit("conflict", network, { container: containerId, address: lease.address, lease: reason });
        },
      });
      this.#kept.set(key, kept);
    }
  }

  async #renewed(containerId: string, networkId: string, lease: DhcpLease): Promise<void> {
    if (!this.#context.state.sandbox(containerId)) return;
    await this.#context.state.putLease(containerId, networkId, lease);
    await this.#change(containerId, networkId, lease);
  }

  /** The container stopped: its leases run on by themselves and are asked for again at its next start. */
  pause(containerId: string): void {
    for (const [key, kept] of this.#kept) {
      if (!key.startsWith(`${containerId} `)) continue;
      kept[Symbol.dispose]();
      this.#kept.delete(key);
    }
  }

  /** Gives leases back: all of the container's, or that of one network. Call before its record goes. */
  async release(containerId: string, networkId?: string): Promise<void> {
    const { state, log } = this.#context;
    const record = state.sandbox(containerId);
    if (!record) return;
    for (const { attachment, network } of this.#placed(record)) {
      if (networkId !== undefined && network.id !== networkId) continue;
      const key = `${containerId} ${network.id}`;
      this.#kept.get(key)?.[Symbol.dispose]();
      this.#kept.delete(key);
      const lease = state.lease(containerId, network.id);
      if (!lease) continue;
      try {
        this.#dhcp.releaseDhcp4(this.#identity(record, attachment, network), lease);
      } catch (error) {
        log.warn("lease not given back", { container: record.spec.containerName, address: lease.address, error: messageOf(error) });
      }
      await state.deleteLease(containerId, network.id);
    }
  }

  closeAll(): void {
    for (const kept of this.#kept.values()) kept[Symbol.dispose]();
    this.#kept.clear();
  }

  #placed(record: SandboxRecord): { attachment: Attachment; network: NetworkRecord }[] {
    return record.attachments.flatMap((attachment) => {
      const network = this.#context.state.network(attachment.networkId) ?? this.#context.state.networkNamed(attachment.network);
      return network && isDhcp(network) ? [{ attachment, network }] : [];
    });
  }

  #identity({ spec }: SandboxRecord, attachment: Attachment, network: NetworkRecord): DhcpIdentity {
    const { parent } = parseLanOptions(network);
    const shared = network.driver === "ipvlan" ? this.#context.facts().link(parent)?.mac : undefined;
    return {
      link: parent,
      mac: shared ?? (attachment.spec.mac || dhcpMacOf(spec.containerId)),
      client: `${network.id} ${spec.containerId}`,
      hostname: spec.containerName,
    };
  }
}

/** The subnet of a network whose addresses a LAN's server gives: the parent's own, unless the user named one. @throws invalidParameter */
export function dhcpSubnet(
  network: { readonly driver: string; readonly id: string; readonly options: NetworkRecord["options"] },
  context: Context,
): string {
  if (!isLanDriver(network.driver)) {
    throw invalid(`IPAM driver ${DHCP_IPAM} needs a network on the LAN itself: driver macvlan or ipvlan, not ${network.driver}`, {
      code: "dhcp-driver",
    });
  }
  const { parent, isolated } = parseLanOptions(network);
  const address = isolated
    ? undefined
    : context
        .facts()
        .link(parent)
        ?.addresses.find((each) => !each.includes(":"));
  if (address === undefined) {
    throw new FairwayError(
      "invalidParameter",
      `Cannot tell the LAN's subnet: ${isolated ? "no parent is named" : `${parent} has no IPv4 address`}; give --subnet`,
      {
        code: "dhcp-subnet",
      },
    );
  }
  return address;
}
