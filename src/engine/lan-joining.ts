import type { Attachments } from "./attachments.ts";
import type { Connections } from "./connections.ts";
import { isDhcp } from "./dhcp-network.ts";
import type { LanAttachment, LanGuard } from "./lan-guard.ts";
import type { Leases } from "./leases.ts";
import type { Queue } from "./queue.ts";
import type { Attachment, SandboxRecord } from "./records.ts";
import type { EndpointSpec } from "./types.ts";

/** A running container joins a network of a LAN: its addresses are leased or probed first, beside the engine's other operations. */
export class LanJoining {
  readonly #queue: Queue;
  readonly #connections: Connections;
  readonly #attachments: Attachments;
  readonly #guard: LanGuard;
  readonly #leases: Leases;

  constructor(queue: Queue, connections: Connections, attachments: Attachments, guard: LanGuard, leases: Leases) {
    this.#queue = queue;
    this.#connections = connections;
    this.#attachments = attachments;
    this.#guard = guard;
    this.#leases = leases;
  }

  async connect(reference: string, containerId: string, spec: EndpointSpec): Promise<void> {
    const joining = await this.#queue.run(async () => this.#connections.joining(reference, containerId, spec));
    if (!joining) return this.#queue.run(() => this.#connections.connect(reference, containerId, spec));
    const { record, place } = joining;
    const connect = (attachment: Attachment) => this.#queue.run(() => this.#connections.connect(reference, containerId, spec, attachment));
    await (isDhcp(place.network) ? this.#leased(record, place, connect) : this.#probed(record, place, connect));
    this.#leases.keep(containerId);
  }

  async #leased({ spec }: SandboxRecord, place: LanAttachment, connect: (attachment: Attachment) => Promise<void>): Promise<void> {
    const lease = { spec, ...place };
    try {
      let { attachment } = place;
      for (const grant of await this.#leases.obtain(lease)) {
        await this.#queue.run(() => this.#connections.adoptRouter(place.network.id, grant));
        attachment = { ...attachment, [grant.family === 4 ? "ipv4" : "ipv6"]: grant.cidr };
      }
      await connect(attachment);
    } catch (error) {
      // Another connect to the same network may have been first: then they are that one's.
      if (!this.#connections.isOn(spec.containerId, place.network.id)) await this.#leases.forget(lease);
      throw error;
    }
  }

  async #probed(record: SandboxRecord, place: LanAttachment, connect: (attachment: Attachment) => Promise<void>): Promise<void> {
    let { attachment } = place;
    try {
      await this.#guard.settlePlace(record.spec.containerName, place, async (current, occupied) => {
        attachment = current;
        for (const each of occupied) attachment = await this.#queue.run(async () => this.#attachments.replace(record, attachment, each));
        return attachment;
      });
      await connect(attachment);
    } catch (error) {
      await this.#queue.run(async () => this.#attachments.giveBack(record.spec.containerId, attachment));
      throw error;
    }
  }
}
