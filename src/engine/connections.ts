import { internal, invalid, notFound } from "#base";
import type { DesiredState } from "#fabric";
import { type Attachments, endpointExists } from "./attachments.ts";
import type { Context } from "./context.ts";
import type { Grant } from "./dhcp-network.ts";
import { checkAddressSyntax } from "./endpoint-spec.ts";
import { defaultRoutes } from "./gateway.ts";
import { isOnLan, type LanAttachment, type Occupied } from "./lan-guard.ts";
import type { Names } from "./names.ts";
import type { Publisher } from "./publisher.ts";
import type { Attachment, NetworkRecord, SandboxRecord } from "./records.ts";
import type { SandboxPlan } from "./sandbox-plan.ts";
import { detached, type Sandboxes } from "./sandboxes.ts";
import type { EndpointSpec } from "./types.ts";

/** Changes to a sandbox's places on networks, up or down: connect and disconnect, and addresses that a LAN decides. Each runs alone. */
export class Connections {
  readonly #context: Context;
  readonly #attachments: Attachments;
  readonly #plan: SandboxPlan;
  readonly #names: Names;
  readonly #publisher: Publisher;
  readonly #sandboxes: Sandboxes;

  constructor(context: Context, attachments: Attachments, plan: SandboxPlan, names: Names, publisher: Publisher, sandboxes: Sandboxes) {
    this.#context = context;
    this.#attachments = attachments;
    this.#plan = plan;
    this.#names = names;
    this.#publisher = publisher;
    this.#sandboxes = sandboxes;
  }

  /** Gives a container that is down its addresses on LANs, so that they can be probed. */
  async reserve(containerId: string): Promise<void> {
    const record = this.#context.state.sandbox(containerId);
    if (record && !record.up) await this.#attachments.putReserved(record);
  }

  /** Gives a container that is down other addresses for those that are somebody else's. @throws forbidden when the user had named one */
  async replace(containerId: string, occupied: readonly Occupied[]): Promise<void> {
    const record = this.#context.state.sandbox(containerId);
    if (!record || record.up) return;
    let { attachments } = record;
    try {
      for (const each of occupied) {
        const has = ({ networkId, ipv4, ipv6 }: Attachment) => networkId === each.networkId && [ipv4, ipv6].includes(each.address);
        attachments = attachments.map((attachment) => (has(attachment) ? this.#attachments.replace(record, attachment, each) : attachment));
      }
    } finally {
      // Also what was replaced before one was refused: the container holds it.
      await this.#context.state.putSandbox({ ...record, attachments });
    }
  }

  /** The container has this lease's address from now on. @returns whether a container that runs got another */
  async lease(containerId: string, networkId: string, grant: Grant): Promise<boolean> {
    const { state } = this.#context;
    const record = state.sandbox(containerId);
    const network = state.network(networkId);
    if (!record || !network) return false;
    await this.adoptRouter(networkId, grant);
    const key = grant.family === 4 ? "ipv4" : "ipv6";
    const attachments = record.attachments.map((attachment) =>
      (attachment.networkId === networkId || attachment.network === network.name) && attachment[key] !== grant.cidr
        ? { ...attachment, networkId, [key]: grant.cidr }
        : attachment,
    );
    if (attachments.every((attachment, index) => attachment === record.attachments[index])) return false;
    const next = { ...record, attachments };
    if (record.up) await this.#transition(record, next);
    else await state.putSandbox(next);
    return record.up;
  }

  /** A network without a gateway takes the lease's router. */
  async adoptRouter(networkId: string, { family, router }: Grant): Promise<void> {
    const { state } = this.#context;
    const network = state.network(networkId);
    const pool = network?.pools.find((each) => each.family === family);
    if (!network || !router || !pool || pool.gateway !== undefined) return;
    await state.putNetwork({ ...network, pools: network.pools.map((each) => (each === pool ? { ...pool, gateway: router } : each)) });
  }

  /**
   * The place that a running container is to have on a network of a LAN, with addresses reserved, so that the LAN can be asked about them first.
   * @returns undefined where `connect()` needs nothing of that
   */
  joining(reference: string, containerId: string, spec: EndpointSpec): { record: SandboxRecord; place: LanAttachment } | undefined {
    const record = this.#context.state.findSandbox(containerId);
    const network = this.#attachments.lookup(reference);
    if (!record.up || !network || !isOnLan(network)) return undefined;
    refuseShared(record);
    this.#mayConnect(record, network, spec);
    if (this.isOn(containerId, network.id)) return undefined;
    return { record, place: { network, attachment: this.#attachments.reserve(record, detached(network.name, network.id, spec)) } };
  }

  isOn(containerId: string, networkId: string): boolean {
    return this.#context.state.sandbox(containerId)?.attachments.some((each) => each.networkId === networkId) ?? false;
  }

  /** @param joining as `joining()` gave it, with addresses that are nobody else's */
  async connect(reference: string, containerId: string, spec: EndpointSpec, joining?: Attachment): Promise<void> {
    const { state } = this.#context;
    const record = state.findSandbox(containerId);
    refuseShared(record);
    const known = this.#attachments.lookup(reference);
    const network = known ?? (record.up ? state.findNetwork(reference) : undefined);
    if (network) this.#mayConnect(record, network, spec);
    else checkAddressSyntax(spec, "");
    const present = network ? this.#placeOn(record, network) : record.attachments.find((attachment) => attachment.network === reference);
    if (present && record.up) throw endpointExists(record.spec.containerName, network?.name ?? reference);
    // Docker keeps what was first asked of a network that is there, and what was last asked of one that is not, or is another by now.
    if (present && network && [network.id, ""].includes(present.networkId)) {
      if (joining) this.#attachments.giveBack(containerId, joining);
      return;
    }
    const attachment = joining ?? detached(network?.name ?? reference, record.up ? "" : (network?.id ?? ""), spec);
    if (!record.up) {
      const places = record.attachments.map((each) => (each === present ? attachment : each));
      await state.putSandbox({ ...record, attachments: present ? places : [...places, attachment] });
      return;
    }
    const attached = this.#attachments.attach(record, attachment, record.attachments);
    const next = { ...record, attachments: [...record.attachments, attached] };
    try {
      await this.#transition(record, next);
    } catch (error) {
      this.#attachments.giveBackNew(containerId, [attachment], [attached]);
      throw error;
    }
    this.#sandboxes.connected(next, attached);
  }

  #mayConnect(record: SandboxRecord, network: NetworkRecord, spec: EndpointSpec): void {
    if (network.driver === "host") {
      throw invalid("cannot connect container to host network - container must be created in host network mode", { code: "host-network" });
    }
    const others = record.attachments.filter(({ networkId }) => networkId !== network.id);
    // A configuration network has that driver, too.
    const isNone = (id: string) => this.#context.state.network(id)?.name === "none";
    if (others.length > 0 && (network.name === "none" || others.some(({ networkId }) => isNone(networkId)))) {
      throw invalid("container cannot be connected to multiple networks with one of the networks in private (none) mode", {
        code: "none-network",
      });
    }
    this.#attachments.check(network, spec, "");
  }

  /** The container's place on a network; also one on a network of that name that was removed, or not made yet: it is this one that it will start on. */
  #placeOn(record: SandboxRecord, { id, name }: NetworkRecord): Attachment | undefined {
    const { state } = this.#context;
    return record.attachments.find(
      ({ networkId, network }) => networkId === id || (network === name && state.network(networkId) === undefined),
    );
  }

  async disconnect(reference: string, containerId: string, force: boolean): Promise<void> {
    const { state } = this.#context;
    const record = state.sandbox(containerId) ?? (force ? state.sandboxNamed(containerId) : undefined);
    const gone = record && !record.up && !this.#attachments.lookup(reference);
    const leftover = gone ? record.attachments.find((each) => each.network === reference || each.networkId === reference) : undefined;
    // The network was removed while the container was down: what is left is a wish.
    if (record && leftover) return state.putSandbox({ ...record, attachments: record.attachments.filter((each) => each !== leftover) });
    const network = state.findNetwork(reference);
    if (!record) {
      if (force) throw notFound(`endpoint ${containerId} not found`, { code: "no-such-endpoint" });
      throw notFound(`No such container: ${containerId}`, { code: "no-such-sandbox" });
    }
    if (network.driver === "host" && record.spec.network.mode === "host") {
      throw invalid("cannot disconnect container from host network - container was created in host network mode", { code: "host-network" });
    }
    const attachment = this.#placeOn(record, network);
    if (!attachment) {
      const where = record.up ? `network ${network.name}` : `the network ${network.name}`;
      throw internal(`container ${containerId} is not connected to ${where}`, { code: "not-connected" });
    }
    const next = { ...record, attachments: record.attachments.filter((other) => other !== attachment) };
    if (record.up) await this.#transition(record, next);
    else await state.putSandbox(next);
    this.#attachments.giveBack(record.spec.containerId, attachment);
    if (record.up) this.#sandboxes.disconnected(record, attachment);
  }

  /** From one record of an open sandbox to another: gateways, ports and names move with it, or nothing does. */
  async #transition(before: SandboxRecord, after: SandboxRecord): Promise<void> {
    const { state, fabric } = this.#context;
    const { record, rollback } = this.#publisher.move(before, after, defaultRoutes(this.#plan.placed(after)));
    try {
      await state.putSandbox(record);
    } catch (error) {
      rollback();
      throw error;
    }
    try {
      this.#names.prepare(record);
      const wants = new Map<string, DesiredState | undefined>(this.#plan.desired(record));
      for (const scope of this.#plan.desired(before).keys()) if (!wants.has(scope)) wants.set(scope, undefined);
      fabric.converge(wants);
      this.#publisher.forgetFlows({ gone: before, fresh: record });
      this.#names.activate(record);
    } catch (error) {
      rollback();
      await state.putSandbox(before);
      this.#names.prepare(before);
      this.#names.activate(before);
      throw error;
    }
  }
}

/** @throws invalidParameter for a container whose namespace is the host's or another container's */
function refuseShared({ spec }: SandboxRecord): void {
  if (spec.network.mode !== "container" && spec.network.mode !== "host") return;
  throw invalid("container sharing network namespace with another container or host cannot be connected to any other network", {
    code: "shared-namespace",
  });
}
