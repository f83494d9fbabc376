import { conflict, type FairwayError, forbidden, messageOf } from "#base";
import { isLanDriver, parseLanOptions } from "#drivers";
import type { Context } from "./context.ts";
import { namespacePath } from "./desired.ts";
import { isDhcp } from "./dhcp-network.ts";
import type { LanDoor } from "./options.ts";
import type { Attachment, NetworkRecord, SandboxRecord } from "./records.ts";

/** Somebody who has an address that a container was to get. */
export interface Occupied {
  readonly networkId: string;
  /** `10.0.0.5/24`, or without prefix length where it is the host's own. */
  readonly address: string;
  /** A MAC on the LAN, or words for what this host has there. */
  readonly holder: string;
}

/** How many addresses in a row may turn out to be somebody's before the container is refused. */
const ATTEMPTS = 16;

export interface LanAttachment {
  readonly attachment: Attachment;
  readonly network: NetworkRecord;
}

interface Probe {
  readonly found: Promise<readonly Occupied[]>;
  /** Milliseconds of performance.now(). */
  readonly begun: number;
}

/** Milliseconds for which a probe that began when the container was made is good for its start. */
const FRESH = 30_000;

/**
 * Address safety on networks that put containers on the LAN itself: an address is probed before a container has it, told to the LAN when it has, and
 * watched for others as long as it has. Probing takes time, so it runs beside the engine's operations, from the moment the container is made.
 */
export class LanGuard {
  readonly #context: Context;
  readonly #lan: LanDoor;
  readonly #probes = new Map<string, Probe>();
  readonly #watched = new Map<string, Disposable[]>();

  constructor(context: Context, lan: LanDoor) {
    this.#context = context;
    this.#lan = lan;
  }

  /** Begins to probe the addresses that a container has reserved. */
  begin(containerId: string): void {
    const record = this.#context.state.sandbox(containerId);
    const placed = record ? this.#onLan(record) : [];
    if (placed.length === 0) return;
    const found = this.#probe(placed);
    // Waited for at the start; a container that is never started must not end the daemon.
    found.catch(() => {});
    this.#probes.set(containerId, { found, begun: performance.now() });
  }

  /** Who has an address of a network's LAN: a MAC, a link of this host, or its gateway; undefined: nobody, as far as anybody could be asked. */
  async holderOf(network: NetworkRecord, address: string): Promise<string | undefined> {
    const { parent, probe } = parseLanOptions(network);
    try {
      const { conflict: mac, hostLink, isGateway } = await this.#lan.probeAddress({ link: parent, address, mode: probe });
      if (isGateway) return "the gateway of this host";
      return hostLink === undefined ? mac : `interface ${hostLink} of this host`;
    } catch (error) {
      this.#context.log.warn("address not probed", { network: network.name, address, error: messageOf(error) });
      return undefined;
    }
  }

  /** Those of the attachments' addresses that are somebody's. A lease's is probed when it is got. */
  async #probe(placed: readonly LanAttachment[]): Promise<readonly Occupied[]> {
    const probes = placed.flatMap(({ attachment, network }) =>
      isDhcp(network)
        ? []
        : addressesOf(attachment).map(async (address): Promise<Occupied | undefined> => {
            const holder = await this.holderOf(network, bare(address));
            return holder === undefined ? undefined : { networkId: network.id, address, holder };
          }),
    );
    return (await Promise.all(probes)).filter((result) => result !== undefined);
  }

  /**
   * Settles when no address of the container is anybody else's. `reserve` gives it addresses it has none yet, `replace` gives it others for those
   * that are taken. @throws forbidden when a user's own choice is taken
   */
  async settle(
    containerId: string,
    reserve: () => Promise<void>,
    replace: (occupied: readonly Occupied[]) => Promise<void>,
  ): Promise<void> {
    const record = this.#context.state.sandbox(containerId);
    if (!record || record.up || !this.#mayBeOnLan(record)) return;
    const probe = async () => {
      if (performance.now() - (this.#probes.get(containerId)?.begun ?? -FRESH) >= FRESH) {
        await reserve();
        this.begin(containerId);
      }
      const occupied = await this.#probes.get(containerId)?.found;
      this.#probes.delete(containerId);
      return occupied ?? [];
    };
    await this.#untilFree(`start container "${record.spec.containerName}"`, probe, replace);
  }

  /** As `settle()`, of one place that a running container is to have. @returns it, with addresses that are nobody else's */
  async settlePlace(
    containerName: string,
    place: LanAttachment,
    replace: (attachment: Attachment, occupied: readonly Occupied[]) => Promise<Attachment>,
  ): Promise<Attachment> {
    const { network } = place;
    let { attachment } = place;
    const what = `connect container "${containerName}" to network "${network.name}"`;
    await this.#untilFree(
      what,
      () => this.#probe([{ attachment, network }]),
      async (occupied) => {
        attachment = await replace(attachment, occupied);
      },
    );
    return attachment;
  }

  async #untilFree(
    what: string,
    probe: () => Promise<readonly Occupied[]>,
    replace: (occupied: readonly Occupied[]) => Promise<void>,
  ): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const occupied = await probe();
      if (occupied.length === 0) return;
      for (const { address, holder } of occupied) this.#context.log.warn("address is in use on the LAN", { address, holder });
      await replace(occupied);
    }
    throw conflict(`Cannot ${what}: ${ATTEMPTS} addresses in a row are in use on the LAN`, { code: "lan-addresses-in-use" });
  }

  /** Tells the LAN of an open sandbox's addresses (once, if it has just opened) and listens for others who use them. */
  watch(containerId: string, opened: boolean): void {
    const record = this.#context.state.sandbox(containerId);
    if (!record?.up) return;
    this.forget(containerId);
    const watched: Disposable[] = [];
    for (const { attachment, network } of this.#onLan(record)) watched.push(...this.#watchOne(record, attachment, network, opened));
    if (watched.length > 0) this.#watched.set(containerId, watched);
  }

  #watchOne(record: SandboxRecord, attachment: Attachment, network: NetworkRecord, opened: boolean): Disposable[] {
    const { parent } = parseLanOptions(network);
    const addresses = addressesOf(attachment).map(bare);
    const namespace = namespacePath(this.#context.config.execRoot, record.spec.containerId);
    const watched: Disposable[] = [];
    try {
      if (opened) {
        watched.push(this.#lan.announceAddresses({ ...{ namespace, link: attachment.ifname, addresses }, ...announcementsOf(network) }));
      }
      for (const address of addresses) {
        const onConflict = (mac: string) => {
          this.#context.log.warn("another machine uses a container's address", { container: record.spec.containerName, address, mac });
          this.#context.emit("conflict", network, { container: record.spec.containerId, address, mac });
        };
        watched.push(
          this.#lan.watchConflicts({ link: parent, address, owners: attachment.mac === "" ? [] : [attachment.mac], onConflict }),
        );
      }
    } catch (error) {
      this.#context.log.warn("addresses not announced or watched", { container: record.spec.containerName, error: messageOf(error) });
    }
    return watched;
  }

  forget(containerId: string): void {
    for (const watched of this.#watched.get(containerId) ?? []) watched[Symbol.dispose]();
    this.#watched.delete(containerId);
    this.#probes.delete(containerId);
  }

  closeAll(): void {
    for (const containerId of [...this.#watched.keys()]) this.forget(containerId);
  }

  #mayBeOnLan(record: SandboxRecord): boolean {
    const { state } = this.#context;
    return record.attachments.some(({ networkId, network }) =>
      isLanDriver((state.network(networkId) ?? state.networkNamed(network))?.driver ?? ""),
    );
  }

  #onLan(record: SandboxRecord): LanAttachment[] {
    return record.attachments.flatMap((attachment) => {
      const network = this.#context.state.network(attachment.networkId);
      return network && isOnLan(network) ? [{ attachment, network }] : [];
    });
  }
}

/** Its containers are on a segment with others, who may have their addresses. */
export const isOnLan = (network: NetworkRecord): boolean => isLanDriver(network.driver) && !parseLanOptions(network).isolated;

const bare = (address: string): string => address.split("/", 1)[0]!;
const addressesOf = ({ ipv4, ipv6 }: Attachment): string[] => [ipv4, ipv6].filter((address) => address !== "");

/** How many announcements, and how many milliseconds apart: Docker's options, else RFC 5227's where its full timing is asked for. */
function announcementsOf(network: NetworkRecord): { count?: number; interval?: number } {
  const count = network.options["com.docker.network.advertise_addr_nmsgs"];
  const interval = network.options["com.docker.network.advertise_addr_ms"];
  return {
    ...(parseLanOptions(network).probe === "full" ? { count: 2, interval: 2000 } : {}),
    ...(count === undefined ? {} : { count: Number(count) }),
    ...(interval === undefined ? {} : { interval: Number(interval) }),
  };
}

/** The refusal when an address that the user named is somebody else's. */
export const occupiedByOther = ({ address, holder }: Occupied): FairwayError =>
  forbidden(`Address already in use: ${bare(address)} is held by ${holder.includes(" ") ? holder : `${holder} on the LAN`}`, {
    code: "address-in-use",
    context: { address, holder },
  });
