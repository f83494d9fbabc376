import { conflict, internal, messageOf, newId } from "#base";
import { compactBindings, compactExposed } from "#ports";
import { type Attachments, endpointExists } from "./attachments.ts";
import type { Context } from "./context.ts";
import { namespacePath } from "./desired.ts";
import { checkAddressSyntax } from "./endpoint-spec.ts";
import { defaultRoutes } from "./gateway.ts";
import type { Names } from "./names.ts";
import { validateNames } from "./names-spec.ts";
import type { Publisher } from "./publisher.ts";
import type { Attachment, SandboxRecord } from "./records.ts";
import type { SandboxPlan } from "./sandbox-plan.ts";
import type { EndpointSpec, SandboxSpec, SandboxView } from "./types.ts";

/** Operations on sandboxes and their endpoints. Each runs alone; the record on disk says what should be, before the kernel is touched. */
export class Sandboxes {
  readonly #context: Context;
  readonly #attachments: Attachments;
  readonly #plan: SandboxPlan;
  readonly #names: Names;
  readonly #publisher: Publisher;

  constructor(context: Context, attachments: Attachments, plan: SandboxPlan, names: Names, publisher: Publisher) {
    this.#context = context;
    this.#attachments = attachments;
    this.#plan = plan;
    this.#names = names;
    this.#publisher = publisher;
  }

  async declare(spec: SandboxSpec): Promise<void> {
    const { state } = this.#context;
    if (state.sandbox(spec.containerId))
      throw conflict(`sandbox of container ${spec.containerId} is declared already`, { code: "sandbox-exists" });
    validateNames(spec);
    const attachments: Attachment[] = [];
    for (const { network, spec: endpoint } of endpointsOf(spec)) {
      const record = this.#attachments.lookup(network);
      const prefix = `invalid config for network ${network}: `;
      if (record) this.#attachments.check(record, endpoint, prefix);
      else checkAddressSyntax(endpoint, prefix);
      if (record && attachments.some(({ networkId }) => networkId === record.id)) throw endpointExists(spec.containerName, record.name);
      attachments.push(detached(record?.name ?? network, record?.id ?? "", endpoint));
    }
    const compact = { ...spec, ports: compactBindings(Object.entries(spec.ports)), exposed: compactExposed(spec.exposed) };
    await this.#attachments.putReserved({ spec: compact, sandboxId: "", up: false, attachments, published: [] });
  }

  async rename(containerId: string, name: string): Promise<void> {
    const { state } = this.#context;
    const record = state.findSandbox(containerId);
    const next: SandboxRecord = { ...record, spec: { ...record.spec, containerName: name } };
    await state.putSandbox(next);
    if (next.up) this.#names.update(next);
  }

  async open(containerId: string): Promise<SandboxView> {
    const { state } = this.#context;
    const record = state.findSandbox(containerId);
    const { network } = record.spec;
    if (network.mode === "container") return this.#join(record, network.containerId);
    if (record.up) return this.#view(record);
    if (network.mode === "host") return this.#openHost(record);
    this.#names.checkLinks(record);
    const opened = await this.#attachAll(record);
    await this.#build(opened, () => this.#names.prepare(opened));
    for (const attachment of opened.attachments) this.connected(opened, attachment);
    return this.#view(opened);
  }

  /** Joins a running container's namespace and shares its files. */
  async #join(record: SandboxRecord, targetId: string): Promise<SandboxView> {
    const { state, namespaces } = this.#context;
    if (targetId === record.spec.containerId) throw internal("cannot join own network namespace", { code: "join-self" });
    const target = state.sandbox(targetId);
    if (!target) throw internal(`joining network namespace of container: No such container: ${targetId}`, { code: "no-such-sandbox" });
    if (!target.up || (target.spec.network.mode !== "host" && !namespaces.exists(this.#plan.namespaceOf(target)))) {
      throw conflict(`cannot join network namespace of a non running container: ${targetId}`, { code: "join-stopped" });
    }
    await state.putSandbox({ ...record, sandboxId: "", up: true });
    return this.#view(target);
  }

  async #openHost(record: SandboxRecord): Promise<SandboxView> {
    const { state } = this.#context;
    const host = state.networkNamed("host")!;
    const attachments = [{ ...detached("host", host.id, record.attachments[0]?.spec ?? {}), endpointId: newId() }];
    const next: SandboxRecord = { ...record, sandboxId: newId(), up: true, attachments };
    this.#names.writeFiles(next);
    await state.putSandbox(next);
    this.connected(next, next.attachments[0]!);
    return this.#view(next);
  }

  /** The record with every attachment resolved, addressed and named, and ports taken; written to disk. */
  async #attachAll(record: SandboxRecord): Promise<SandboxRecord> {
    const { state } = this.#context;
    const attached: Attachment[] = [];
    let next: SandboxRecord | undefined;
    try {
      for (const attachment of record.attachments) attached.push(this.#attachments.attach(record, attachment, attached));
      next = { ...record, sandboxId: newId(), up: true, attachments: attached };
      next = { ...next, published: this.#publisher.take(next, defaultRoutes(this.#plan.placed(next))) };
      await state.putSandbox(next);
      return next;
    } catch (error) {
      if (next) this.#publisher.release(next);
      this.#attachments.giveBackNew(record.spec.containerId, record.attachments, attached);
      throw error;
    }
  }

  /** Namespace, links, addresses, routes, firewall, names and files of an opened record; takes all of it away again when a step fails. */
  async #build(record: SandboxRecord, prepare: () => void): Promise<void> {
    const { fabric, namespaces, state } = this.#context;
    const path = this.#plan.namespaceOf(record);
    try {
      if (!namespaces.exists(path)) namespaces.create(path);
      prepare();
      fabric.converge(this.#plan.desired(record));
      this.#publisher.forgetFlows({ fresh: record });
      this.#names.activate(record);
    } catch (error) {
      await state.putSandbox(closed(record));
      await this.#dismantle(record);
      throw error;
    }
  }

  async close(containerId: string): Promise<void> {
    const { state } = this.#context;
    const record = state.sandbox(containerId);
    if (!record?.up) return;
    const next = closed(record);
    await state.putSandbox(next);
    if (record.spec.network.mode === "container") return this.#leave(record.spec.network.containerId);
    await this.#dismantle(record);
    for (const attachment of record.attachments) this.disconnected(record, attachment);
  }

  /** The namespace goes with the last container in it. */
  #leave(ownerId: string): void {
    const { state } = this.#context;
    const owner = state.sandbox(ownerId);
    if (owner?.up || this.#joined(ownerId)) return;
    this.#removeNamespace(namespacePath(this.#context.config.execRoot, ownerId));
  }

  #joined(ownerId: string): boolean {
    return this.#context.state.joinersOf(ownerId).some(({ up }) => up);
  }

  async #dismantle(record: SandboxRecord): Promise<void> {
    const { fabric, log } = this.#context;
    this.#names.close(record);
    const wants = this.#plan.desired(record);
    const path = this.#plan.namespaceOf(record);
    const ends = record.spec.network.mode !== "host" && !this.#joined(record.spec.containerId);
    // Given up first, the kernel takes it down while we do the rest. Links in it of a LAN must be seen to go: somebody else may hold the namespace.
    const first = ends && ![...wants.values()].some((state) => state?.some((item) => item.type === "link" && item.ns === path));
    if (first) this.#removeNamespace(path);
    for (const error of fabric.release([...wants.keys()]))
      log.error("sandbox not removed whole", { container: record.spec.containerName, error: messageOf(error) });
    this.#publisher.release(record);
    this.#publisher.forgetFlows({ gone: record });
    if (ends && !first) this.#removeNamespace(path);
  }

  #removeNamespace(path: string) {
    const { namespaces, log } = this.#context;
    try {
      if (namespaces.exists(path)) namespaces.remove(path);
    } catch (error) {
      log.error("namespace not removed", { path, error: messageOf(error) });
    }
  }

  async forget(containerId: string): Promise<void> {
    const { state } = this.#context;
    const record = state.sandbox(containerId);
    if (!record) return;
    if (record.up) await this.close(containerId);
    await state.deleteSandbox(containerId);
    for (const attachment of record.attachments) this.#attachments.giveBack(containerId, attachment);
  }

  /** A linked container came or went: hosts lines and holes of those that link to it follow. */
  refreshLinkers(record: SandboxRecord): void {
    const { fabric, log } = this.#context;
    for (const linker of this.#names.linkersOf(record)) {
      try {
        fabric.converge(this.#plan.desired(linker));
        this.#names.update(linker);
      } catch (error) {
        log.error("links not refreshed", { container: linker.spec.containerName, error: messageOf(error) });
      }
    }
  }

  connected(record: SandboxRecord, attachment: Attachment): void {
    this.#event("connect", record, attachment);
    this.refreshLinkers(record);
  }

  disconnected(record: SandboxRecord, attachment: Attachment): void {
    this.#event("disconnect", record, attachment);
    this.refreshLinkers(record);
  }

  #event(action: "connect" | "disconnect", record: SandboxRecord, attachment: Attachment): void {
    const network = this.#context.state.network(attachment.networkId);
    if (network) this.#context.emit(action, network, { container: record.spec.containerId });
  }

  #view(record: SandboxRecord): SandboxView {
    const dir = record.spec.filesDir;
    return {
      sandboxId: record.sandboxId,
      ...(record.spec.network.mode === "host" ? {} : { netnsPath: this.#plan.namespaceOf(record) }),
      hostnamePath: `${dir}/hostname`,
      hostsPath: `${dir}/hosts`,
      resolvConfPath: `${dir}/resolv.conf`,
      hostname: record.spec.hostname,
      environment: this.#names.linkEnvironment(record),
    };
  }
}

/** Host and none have a network of that name, on which the container is shown. */
function endpointsOf({ network, endpoints }: SandboxSpec): SandboxSpec["endpoints"] {
  return (network.mode === "host" || network.mode === "none") && endpoints.length === 0 ? [{ network: network.mode, spec: {} }] : endpoints;
}

export const detached = (network: string, networkId: string, spec: EndpointSpec): Attachment => ({
  ...{ network, networkId, spec, endpointId: "", ifname: "", ipv4: "", ipv6: "", mac: "" },
});

/** The record of the same sandbox while its container does not run: addresses stay. */
export function closed(record: SandboxRecord): SandboxRecord {
  const attachments = record.attachments.map((attachment) => ({ ...attachment, endpointId: "", ifname: "" }));
  return { ...record, up: false, attachments, published: [] };
}
