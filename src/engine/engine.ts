import { messageOf } from "#base";
import type { QueryLogEntry } from "#dns";
import { type Drift, Fabric } from "#fabric";
import { AddressBook } from "./addresses.ts";
import { Attachments } from "./attachments.ts";
import { Connections } from "./connections.ts";
import { type Context, networkEvent } from "./context.ts";
import { namespacePath, networkScope } from "./desired.ts";
import type { Grant } from "./dhcp-network.ts";
import { hasHostAccessBy } from "./host-access-address.ts";
import { Joins } from "./joins.ts";
import { LanGuard } from "./lan-guard.ts";
import { LanJoining } from "./lan-joining.ts";
import { Leases } from "./leases.ts";
import { Names } from "./names.ts";
import { driverNamed, Networks } from "./networks.ts";
import type { EngineOptions } from "./options.ts";
import { Publisher } from "./publisher.ts";
import { Queue } from "./queue.ts";
import type { NetworkRecord, SandboxRecord } from "./records.ts";
import { hasNamespace, SandboxPlan } from "./sandbox-plan.ts";
import { closed, Sandboxes } from "./sandboxes.ts";
import { State } from "./state.ts";
import type {
  EndpointSpec,
  Engine,
  EngineEvent,
  NetworkSpec,
  NetworkView,
  NetworkWarning,
  SandboxSpec,
  SandboxStateView,
  SandboxView,
} from "./types.ts";
import { networkView, sandboxStateView } from "./views.ts";

/**
 * Networks, endpoints and sandboxes of one host. Operations run one at a time, so that each sees a whole state; they are short, because
 * everything in them but the store's commit is synchronous.
 */
export class LocalEngine implements Engine {
  readonly #context: Context;
  readonly #addresses: AddressBook;
  readonly #networks: Networks;
  readonly #names: Names;
  readonly #publisher: Publisher;
  readonly #plan: SandboxPlan;
  readonly #joins: Joins;
  readonly #sandboxes: Sandboxes;
  readonly #connections: Connections;
  readonly #queue = new Queue();
  readonly #lan: LanGuard | undefined;
  readonly #leases: Leases | undefined;
  readonly #joining: LanJoining | undefined;
  #watch: Disposable | undefined;
  readonly #listeners = new Set<(event: EngineEvent) => void>();

  private constructor(options: EngineOptions) {
    const { config, namespaces, host, ports, sockets, log } = options;
    const drivers = new Map(options.drivers.map((driver) => [driver.name, driver]));
    this.#context = {
      ...{ config, namespaces, host, ports, sockets, log, drivers },
      state: new State(options.store),
      fabric: new Fabric(options.executor, log),
      driver: (name) => driverNamed(drivers, name),
      facts: () => host.facts(config.defaults),
      emit: (action, network, attributes) => this.#emit(networkEvent(action, network, attributes)),
    };
    this.#addresses = new AddressBook(config, host, (id) => this.#context.state.holderOf(id));
    this.#lan = options.lan && new LanGuard(this.#context, options.lan);
    this.#names = new Names(this.#context, ({ spec }) => namespacePath(config.execRoot, spec.containerId));
    this.#publisher = new Publisher(this.#context);
    this.#networks = new Networks(this.#context, this.#addresses, this.#lan);
    this.#plan = new SandboxPlan(this.#context, this.#names, this.#publisher);
    this.#joins = new Joins(this.#context, this.#plan);
    const attachments = new Attachments(this.#context, this.#addresses);
    this.#sandboxes = new Sandboxes(this.#context, attachments, this.#plan, this.#names, this.#publisher);
    this.#connections = new Connections(this.#context, attachments, this.#plan, this.#names, this.#publisher, this.#sandboxes);
    if (options.lan && this.#lan) {
      this.#leases = new Leases(this.#context, options.lan, this.#lan, (id, network, grant) => this.#lease(id, network, grant));
      this.#joining = new LanJoining(this.#queue, this.#connections, attachments, this.#lan, this.#leases);
    }
  }

  async #lease(containerId: string, networkId: string, grant: Grant): Promise<void> {
    const moved = await this.#queue.run(() => this.#connections.lease(containerId, networkId, grant));
    if (moved) this.#lan?.watch(containerId, true);
  }

  /** Reads the store, makes the host's share of the kernel match it and leaves the sandboxes' to `settle`. */
  static async open(options: EngineOptions): Promise<LocalEngine> {
    const engine = new LocalEngine(options);
    await engine.#context.state.load();
    await engine.#restore();
    engine.#watch = options.watch?.(engine.#context.fabric, {
      onRepair: (repaired) => engine.#repaired(repaired),
      onAddresses: (links) => void engine.#hostMoved(links),
    });
    return engine;
  }

  /** Drift that was put right is told as an event of the network it was on. */
  #repaired(repaired: readonly Drift[]): void {
    const { state } = this.#context;
    for (const { description, scopes, kind } of repaired) {
      const network = scopes.map((scope) => state.network(scope.slice(scope.indexOf("/") + 1))).find((found) => found !== undefined);
      if (network) this.#context.emit("repair", network, { object: description, was: kind });
    }
  }

  /** The host's addresses on a parent are others: the ways between it and its containers go by them. */
  async #hostMoved(links: readonly string[]): Promise<void> {
    const { state, fabric, log } = this.#context;
    await this.#queue.run(async () => {
      const wants = [...state.networks]
        .filter((network) => hasHostAccessBy(network, links))
        .flatMap(({ id }) => [...this.#plan.onNetwork(id)]);
      try {
        if (wants.length > 0) fabric.converge(new Map(wants));
      } catch (error) {
        log.error("host access not renewed", { links: links.join(" "), error: messageOf(error) });
      }
    });
  }

  async #restore(): Promise<void> {
    const { state, fabric, log, namespaces, config } = this.#context;
    const shares = (driver: string) => this.#context.drivers.get(driver)?.traits.sharesSubnets ?? false;
    // The default bridge takes its own pools, which flags may have changed; containers' addresses come after.
    const others = [...state.networks].filter(({ name }) => name !== "bridge");
    for (const fault of this.#addresses.restoreNetworks(others, shares))
      log.error("network's subnets not restored", { error: messageOf(fault) });
    await this.#networks.installPredefined();
    await state.sweepLeases();
    for (const sandbox of [...state.sandboxes]) await this.#restoreAddresses(sandbox);
    for (const network of state.networks) {
      try {
        fabric.adopt(new Map([[networkScope(network.id), this.#networks.desired(network)]]));
      } catch (error) {
        log.error("network not restored", { network: network.name, error: messageOf(error) });
      }
    }
    for (const sandbox of [...state.sandboxes]) {
      if (!sandbox.up) continue;
      if (hasNamespace(sandbox) && !namespaces.exists(namespacePath(config.execRoot, sandbox.spec.containerId))) {
        // The host was rebooted: nothing of it is left, and its container is not running.
        await state.putSandbox(closed(sandbox));
        continue;
      }
      try {
        this.#publisher.restore(sandbox);
        this.#names.prepare(sandbox);
        fabric.adopt(this.#plan.desired(sandbox));
        this.#names.activate(sandbox);
      } catch (error) {
        log.error("sandbox not restored", { container: sandbox.spec.containerName, error: messageOf(error) });
      }
    }
    fabric.adopt(this.#joins.desired());
    await this.#networks.finishRemovals();
    for (const { spec } of state.sandboxes) {
      this.#lan?.watch(spec.containerId, false);
      this.#leases?.keep(spec.containerId);
    }
    this.#sweepNamespaces();
    for (const drift of fabric.repair()) log.info("restored", { what: drift.description, was: drift.kind });
  }

  /** A container that is down and cannot have its address any more gets another at its next start. */
  async #restoreAddresses(sandbox: SandboxRecord): Promise<void> {
    const { state, log } = this.#context;
    const lost = this.#addresses.restoreContainer(sandbox).filter(({ networkId }) => state.network(networkId) !== undefined);
    if (lost.length === 0) return;
    for (const { address, error } of lost)
      log.warn("address not restored", { container: sandbox.spec.containerName, address, error: messageOf(error) });
    if (sandbox.up) return;
    const gone = (networkId: string, address: string) => lost.some((each) => each.networkId === networkId && each.address === address);
    await state.putSandbox({
      ...sandbox,
      attachments: sandbox.attachments.map((attachment) => ({
        ...attachment,
        ipv4: gone(attachment.networkId, attachment.ipv4) ? "" : attachment.ipv4,
        ipv6: gone(attachment.networkId, attachment.ipv6) ? "" : attachment.ipv6,
      })),
    });
  }

  /** Namespaces that no record speaks for: left by a run that died between making one and needing it. */
  #sweepNamespaces(): void {
    const { state, namespaces, log, config } = this.#context;
    const known = new Set<string>();
    for (const { up, spec } of state.sandboxes) {
      const { network } = spec;
      if (up) known.add(namespacePath(config.execRoot, network.mode === "container" ? network.containerId : spec.containerId));
    }
    for (const path of namespaces.list()) {
      if (known.has(path)) continue;
      log.info("leaked namespace removed", { path });
      namespaces.remove(path);
    }
  }

  createNetwork(spec: NetworkSpec): Promise<{ id: string; warning: string }> {
    return this.#networks.create(spec, this.#queue);
  }

  removeNetwork(reference: string): Promise<void> {
    return this.#queue.run(() => this.#networks.remove(reference, (network) => this.#beforeRemoval(network)));
  }

  pruneNetworks(keep: (network: NetworkView) => boolean): Promise<readonly string[]> {
    return this.#queue.run(() => this.#networks.prune(keep, (network) => this.#beforeRemoval(network)));
  }

  async #beforeRemoval(network: NetworkRecord): Promise<void> {
    await this.#leases?.forgetNetwork(network);
    await this.#joins.forget(network);
  }

  /** Joins two networks by a route through this host. @throws invalidParameter when the host has no address in one of them */
  addRoute(from: string, to: string): Promise<void> {
    return this.#queue.run(() => this.#joins.add(from, to));
  }

  removeRoute(from: string, to: string): Promise<void> {
    return this.#queue.run(() => this.#joins.remove(from, to));
  }

  /** What `createNetwork` would warn of now: clients seldom show what it said then. */
  networkWarnings(): readonly NetworkWarning[] {
    return this.#networks.warnings();
  }

  /** Pairs of network names. */
  listRoutes(): readonly (readonly [string, string])[] {
    return this.#joins.list();
  }

  findNetwork(reference: string): NetworkView {
    return networkView(this.#context.state, this.#context.state.findNetwork(reference));
  }

  listNetworks(): readonly NetworkView[] {
    return [...this.#context.state.networks].map((record) => networkView(this.#context.state, record));
  }

  async declareSandbox(spec: SandboxSpec): Promise<void> {
    await this.#queue.run(() => this.#sandboxes.declare(spec));
    this.#lan?.begin(spec.containerId);
  }

  renameSandbox(containerId: string, name: string): Promise<void> {
    return this.#queue.run(() => this.#sandboxes.rename(containerId, name));
  }

  async openSandbox(containerId: string): Promise<SandboxView> {
    const wasOpen = this.#context.state.sandbox(containerId)?.up === true;
    await this.#settleOnLan(containerId);
    await this.#leases?.settle(containerId);
    const view = await this.#queue.run(() => this.#sandboxes.open(containerId));
    if (wasOpen) return view;
    this.#lan?.watch(containerId, true);
    this.#leases?.keep(containerId);
    return view;
  }

  #settleOnLan(containerId: string): Promise<void> | undefined {
    return this.#lan?.settle(
      containerId,
      () => this.#queue.run(() => this.#connections.reserve(containerId)),
      (occupied) => this.#queue.run(() => this.#connections.replace(containerId, occupied)),
    );
  }

  closeSandbox(containerId: string): Promise<void> {
    this.#lan?.forget(containerId);
    this.#leases?.pause(containerId);
    return this.#queue.run(() => this.#sandboxes.close(containerId));
  }

  forgetSandbox(containerId: string): Promise<void> {
    return this.#queue.run(async () => {
      const farewell = this.#leases?.farewell(containerId);
      await this.#sandboxes.forget(containerId);
      await farewell?.();
    });
  }

  async connect(networkReference: string, containerId: string, spec: EndpointSpec): Promise<void> {
    if (this.#joining) await this.#joining.connect(networkReference, containerId, spec);
    else await this.#queue.run(() => this.#connections.connect(networkReference, containerId, spec));
    this.#lan?.watch(containerId, true);
  }

  async disconnect(networkReference: string, containerId: string, force: boolean): Promise<void> {
    await this.#queue.run(async () => {
      const network = this.#context.state.knownNetwork(networkReference);
      const farewell = network && this.#leases?.farewell(containerId, network.id);
      await this.#connections.disconnect(networkReference, containerId, force);
      await farewell?.();
    });
    this.#lan?.watch(containerId, false);
  }

  hasSandbox(containerId: string): boolean {
    return this.#context.state.sandbox(containerId) !== undefined;
  }

  describeSandbox(containerId: string): SandboxStateView {
    const { state, config, drivers } = this.#context;
    const record = state.findSandbox(containerId);
    const host = record.spec.network.mode === "host";
    return sandboxStateView(state, record, {
      key:
        record.spec.network.mode === "container"
          ? ""
          : host
            ? `${config.execRoot}/netns/default`
            : namespacePath(config.execRoot, containerId),
      ports: this.#publisher.view(record),
      dnsNames: (sandbox, networkId) => this.#names.dnsNames(sandbox, networkId),
      gatewayOf: (network, address) => drivers.get(network.driver)?.gateway(network, address, this.#context.facts()) ?? "",
    });
  }

  /** Desired against actual, kernel-wide. */
  drift(): readonly Drift[] {
    return this.#context.fabric.drift();
  }

  repair(): Promise<readonly Drift[]> {
    return this.#queue.run(async () => this.#context.fabric.repair());
  }

  /** Every DNS query of a container, through its restarts, until the returned function is called. */
  dnsLog(containerId: string, listener: (entry: QueryLogEntry) => void): () => void {
    return this.#names.log(containerId, listener);
  }

  onEvent(listener: (event: EngineEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Lets go of sockets and reservations; the kernel's objects stay for the next run. */
  async close(): Promise<void> {
    await this.#queue.run(async () => {
      this.#watch?.[Symbol.dispose]();
      this.#lan?.closeAll();
      this.#leases?.closeAll();
      this.#names.closeAll();
      this.#publisher.closeAll();
      this.#context.fabric.close();
      this.#context.namespaces.close();
    });
  }

  #emit(event: EngineEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
