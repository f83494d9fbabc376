import { forbidden, invalid, messageOf, newId, notFound, rfc3339Nano, shortId, withContext } from "#base";
import { type Driver, type HostLink, isLanDriver, type NetworkModel, type NetworkRequest, type Pool, parseLanOptions } from "#drivers";
import type { DesiredState } from "#fabric";
import type { AddressBook } from "./addresses.ts";
import type { Context } from "./context.ts";
import { modelOf, namespacePath, networkScope, networkState, parentScope, traceScope } from "./desired.ts";
import { isDhcp, onLansSubnets } from "./dhcp-network.ts";
import { freeHostAccess, needsHostAccessProbe } from "./host-access-address.ts";
import type { LanGuard } from "./lan-guard.ts";
import { type DraftNetwork, draftNetwork } from "./network-spec.ts";
import type { DefaultBridgeOptions } from "./options.ts";
import type { Queue } from "./queue.ts";
import type { NetworkRecord } from "./records.ts";
import { nameTaken } from "./state.ts";
import type { NetworkSpec, NetworkView, NetworkWarning } from "./types.ts";
import { networkView, PREDEFINED } from "./views.ts";

/** Operations on networks. Each runs alone (the engine's queue), with its intent on disk before the kernel changes. */
export class Networks {
  readonly #context: Context;
  readonly #addresses: AddressBook;
  readonly #guard: LanGuard | undefined;
  /** Being made, by id. */
  readonly #drafts = new Map<string, NetworkRecord>();

  constructor(context: Context, addresses: AddressBook, guard?: LanGuard) {
    this.#context = context;
    this.#addresses = addresses;
    this.#guard = guard;
  }

  /** Two operations of the queue, so that others go on while the LAN is asked between them. */
  async create(spec: NetworkSpec, queue: Queue): Promise<{ id: string; warning: string }> {
    const { record, warnings } = await queue.run(async () => this.#draft(spec));
    try {
      const settled = needsHostAccessProbe(record) ? await this.#free(record, queue) : record;
      await queue.run(() => this.#install(settled));
    } catch (error) {
      this.#addresses.releaseNetwork(record.id);
      throw error;
    } finally {
      this.#drafts.delete(record.id);
      this.#context.fabric.release([parentScope(record.id)]);
    }
    // Clients seldom show what the answer says besides the id.
    for (const warning of warnings) this.#context.log.warn(warning, { network: record.name });
    return { id: record.id, warning: warnings.join("\n") };
  }

  /** A network that is not there yet; but its pools are held, and its name and parent are taken. */
  #draft(spec: NetworkSpec): { record: NetworkRecord; warnings: readonly string[] } {
    const { state, drivers, config } = this.#context;
    const draft = draftNetwork(spec, {
      state,
      drivers,
      defaultOptions: config.networkOptions,
      checkIpam: (ipam, ipv6) => this.#addresses.check(ipam, ipv6),
    });
    for (const { name } of this.#drafts.values()) if (name === draft.name) throw nameTaken(name);
    const made = draft.configOnly ? { record: { ...draft, pools: [] }, warnings: [] } : this.#allocate(draft);
    this.#drafts.set(draft.id, made.record);
    return made;
  }

  /** A parent that is still to be made is made first: nobody can be asked on a VLAN that is not there. */
  async #free(record: NetworkRecord, queue: Queue): Promise<NetworkRecord> {
    if (!this.#guard) return record;
    const { parent } = parseLanOptions(record);
    const links = this.desired(record).filter((item) => item.type === "link" && item.name === parent);
    if (links.length > 0) await queue.run(async () => this.#context.fabric.converge(new Map([[parentScope(record.id), links]])));
    return await freeHostAccess(record, this.#guard, this.#addresses, this.#context.log);
  }

  /** Writes a network whose pools are held already and makes it. */
  async #install(record: NetworkRecord): Promise<void> {
    const { state, fabric } = this.#context;
    await state.putNetwork(record);
    try {
      if (!record.configOnly) fabric.converge(new Map([[networkScope(record.id), this.desired(record)]]));
    } catch (error) {
      await state.deleteNetwork(record.id);
      throw error;
    }
    if (!record.configOnly) this.#context.emit("create", record, {});
  }

  desired(record: NetworkRecord) {
    return networkState(this.#context.driver(record.driver), record, this.#context.facts());
  }

  #allocate(asked: DraftNetwork): { record: NetworkRecord; warnings: readonly string[] } {
    const driver = this.#context.driver(asked.driver);
    const { state } = this.#context;
    const draft = isDhcp(asked) ? onLansSubnets(asked, this.#context) : asked;
    if (driver.traits.single && [...state.networks].some((other) => other.driver === draft.driver)) {
      throw forbidden(`only one instance of "${draft.driver}" network is allowed`, { code: "single-instance" });
    }
    const needs = driver.check(this.#request(draft), this.#context.facts());
    const pools = driver.traits.hasEndpoints ? this.#addresses.holdNetwork(draft, driver.traits.sharesSubnets, needs) : [];
    const record: NetworkRecord = {
      ...draft,
      pools,
      internal: needs.internal ?? draft.internal,
      options: { ...draft.options, ...needs.options },
      ...(needs.found ? { found: needs.found } : {}),
    };
    return { record, warnings: needs.warnings };
  }

  #request({ id, name, driver, ipv4, ipv6, internal, options, ipam }: DraftNetwork): NetworkRequest {
    const subnets = ipam.config.flatMap(({ subnet, gateway, auxiliary }) => {
      if (!subnet) return [];
      const family = subnet.includes(":") ? (6 as const) : (4 as const);
      return [{ family, subnet, ...(gateway ? { gateway } : {}), ...(auxiliary ? { auxiliary } : {}) }];
    });
    return { id, name, driver, ipv4, ipv6, internal, options, subnets, others: () => this.#models() };
  }

  /** What `create` would warn of now, of each network that is on a LAN: its parent may have come down or gone since. */
  warnings(): readonly NetworkWarning[] {
    const networks = [...this.#context.state.networks].filter(({ driver, configOnly }) => isLanDriver(driver) && !configOnly);
    return networks.flatMap((network) => this.#warningsOf(network).map((warning) => ({ network: network.name, warning })));
  }

  #warningsOf(network: NetworkRecord): readonly string[] {
    try {
      return this.#context.driver(network.driver).check(this.#request(network), this.#context.facts()).warnings;
    } catch (error) {
      return [messageOf(error)];
    }
  }

  #models(): NetworkModel[] {
    return [...this.#context.state.networks, ...this.#drafts.values()].filter(({ configOnly }) => !configOnly).map(modelOf);
  }

  /** @param before what else goes with the network, first */
  async remove(reference: string, before: (network: NetworkRecord) => Promise<void>): Promise<void> {
    const { state } = this.#context;
    const record = state.findNetwork(reference);
    if (PREDEFINED.has(record.name)) {
      throw forbidden(`${record.name} is a pre-defined network and cannot be removed`, {
        code: "predefined-network",
        context: { name: record.name },
      });
    }
    const dependent = [...state.networks, ...this.#drafts.values()].some(
      ({ configFrom }) => record.configOnly && configFrom === record.name,
    );
    if (dependent)
      throw forbidden(`error while removing network: configuration network "${record.name}" is in use`, { code: "network-in-use" });
    const active = networkView(state, record).endpoints;
    if (active.length > 0) {
      const list = active.map(({ containerName, endpointId }) => `name:"${containerName}" id:"${shortId(endpointId)}"`).join(", ");
      throw forbidden(`error while removing network: network ${record.name} has active endpoints (${list})`, {
        code: "network-in-use",
        context: { network: record.name, containers: active.map(({ containerName }) => containerName) },
      });
    }
    await before(record);
    await this.#delete(record);
  }

  async #delete(record: NetworkRecord): Promise<void> {
    const { state, fabric } = this.#context;
    await state.deleteNetwork(record.id, unmarkedOf(fabric.wantsOf(networkScope(record.id)) ?? []));
    await this.#release(networkScope(record.id), record.id, record.name);
    this.#addresses.releaseNetwork(record.id);
    if (!record.configOnly) this.#context.emit("destroy", record, {});
  }

  async #release(scope: string, id: string, name: string): Promise<void> {
    const { state, fabric, log } = this.#context;
    for (const error of fabric.release([scope])) log.error("network not removed whole", { network: name, error: messageOf(error) });
    await state.dropTraces(id);
  }

  /** Takes away what a removal that was cut short left in the kernel, and what the default bridge has no more. */
  async finishRemovals(): Promise<void> {
    const { state, fabric } = this.#context;
    for (const [id, traces] of state.traces) {
      fabric.adopt(new Map([[traceScope(id), traces]]));
      await this.#release(traceScope(id), id, state.network(id)?.name ?? id);
    }
  }

  async prune(keep: (network: NetworkView) => boolean, before: (network: NetworkRecord) => Promise<void>): Promise<readonly string[]> {
    const { state } = this.#context;
    const removed: string[] = [];
    for (const record of [...state.networks]) {
      const view = networkView(state, record);
      if (view.predefined || record.configOnly || view.endpoints.length > 0 || keep(view)) continue;
      await before(record);
      await this.#delete(record);
      removed.push(record.name);
    }
    return removed;
  }

  /** Makes the networks that are always there: `bridge`, `host` and `none`, with the ids they have had since the first start. */
  async installPredefined(): Promise<void> {
    for (const [name, driver] of [
      ["host", "host"],
      ["none", "null"],
    ] as const) {
      if (!this.#context.state.networkNamed(name)) await this.#context.state.putNetwork({ ...blank(name, driver) });
    }
    await this.#installDefaultBridge();
  }

  async #installDefaultBridge(): Promise<void> {
    const { state, config } = this.#context;
    const existing = state.networkNamed("bridge");
    if (config.bridge.name === "none") {
      if (existing) await this.#delete(existing);
      return;
    }
    const { defaults } = config;
    const bridge = adopting(config.bridge, this.#context.facts().link(config.bridge.name));
    const draft: DraftNetwork = {
      ...blank("bridge", "bridge"),
      ...(existing ? { id: existing.id, created: existing.created } : {}),
      ipv6: bridge.ipv6,
      options: {
        "com.docker.network.bridge.default_bridge": "true",
        "com.docker.network.bridge.enable_icc": String(defaults.icc),
        "com.docker.network.bridge.enable_ip_masquerade": String(defaults.ipMasq),
        "com.docker.network.bridge.host_binding_ipv4": defaults.hostBinding,
        "com.docker.network.bridge.name": bridge.name,
        "com.docker.network.driver.mtu": String(defaults.mtu || 1500),
      },
    };
    const same = existing?.options["com.docker.network.bridge.name"] === bridge.name;
    const found = same ? existing?.found : bridge.found;
    const pools = this.#addresses.holdDefaultBridge(draft.id, bridge, existing?.pools);
    const record = { ...draft, pools, ...(found ? { found } : {}) };
    const next = existing && same && this.#mustStay(existing, pools) ? this.#asItWas(record, existing) : record;
    try {
      await state.putNetwork(next, existing ? lostAddresses(this.desired(existing), this.desired(next)) : []);
    } catch (error) {
      throw withContext("Cannot record the default bridge", error);
    }
  }

  /** Containers that run on it would lose their way out, or their addresses. */
  #mustStay(existing: NetworkRecord, pools: readonly Pool[]): boolean {
    const { state, namespaces, config } = this.#context;
    const stays = ({ subnet, gateway }: Pool) => pools.some((pool) => pool.subnet === subnet && pool.gateway === gateway);
    if (existing.pools.every(stays)) return false;
    return state.membersOf(existing.id).some(({ up, spec }) => up && namespaces.exists(namespacePath(config.execRoot, spec.containerId)));
  }

  /** As Docker with live-restore: other addresses have to wait for a start of the daemon at which no container runs on the default bridge. */
  #asItWas(record: NetworkRecord, { ipv6, pools }: NetworkRecord): NetworkRecord {
    const { log } = this.#context;
    log.warn("the default bridge keeps its addresses for as long as containers run on it", {
      ...{ has: pools.map(({ subnet }) => subnet).join(" "), asked: record.pools.map(({ subnet }) => subnet).join(" ") },
    });
    this.#addresses.releaseNetwork(record.id);
    const next = { ...record, ipv6, pools };
    for (const fault of this.#addresses.restoreNetworks([next], () => false))
      log.error("network's subnets not restored", { error: messageOf(fault) });
    return next;
  }
}

/** Addresses of the host's that only the first of two states has. */
function lostAddresses(before: DesiredState, after: DesiredState): DesiredState {
  const stay = new Set(after.flatMap((item) => (item.type === "address" ? [`${item.link} ${item.address}`] : [])));
  return before.filter((item) => item.type === "address" && !stay.has(`${item.link} ${item.address}`));
}

/** What a network has on links of somebody else's, where no sweep would look for it. */
function unmarkedOf(wants: DesiredState): DesiredState {
  const own = new Set(wants.flatMap((item) => (item.type === "link" ? [item.name] : [])));
  return wants.filter(
    (item) => (item.type === "link-setting" && item.promiscuous === true) || (item.type === "address" && !own.has(item.link)),
  );
}

/** A default bridge named by `--bridge` has the address and subnet that its device has. @throws FairwayError when there is no such bridge */
function adopting(
  bridge: DefaultBridgeOptions,
  device: HostLink | undefined,
): DefaultBridgeOptions & { readonly found?: readonly string[] } {
  if (!bridge.foreign) return bridge;
  const { name } = bridge;
  if (!device)
    throw invalid(`bridge device with non default name ${name} must be created manually`, { code: "no-such-bridge", context: { name } });
  if (device.kind !== "bridge") throw invalid(`existing interface ${name} is not a bridge`, { code: "not-a-bridge", context: { name } });
  const own4 = device.addresses.find((address) => !address.includes(":"));
  const own6 = device.addresses.find((address) => address.includes(":") && !address.startsWith("fe80:"));
  return { ...bridge, ...(own4 ? { bip: own4 } : {}), ...(own6 && bridge.ipv6 ? { bip6: own6 } : {}), found: device.addresses };
}

function blank(name: string, driver: string): NetworkRecord {
  return {
    ...{ id: newId(), name, created: rfc3339Nano(), driver, scope: "local", ipv4: true, ipv6: false, internal: false, attachable: false },
    ...{
      ingress: false,
      configOnly: false,
      configFrom: "",
      ipam: { driver: "default", options: null, config: [] },
      pools: [],
      options: {},
      labels: {},
    },
  };
}

/** The driver a record names. @throws notFound when this daemon has none such */
export function driverNamed(drivers: ReadonlyMap<string, Driver>, name: string): Driver {
  const driver = drivers.get(name);
  if (!driver) throw notFound(`plugin "${name}" not found`, { code: "no-such-driver", context: { driver: name } });
  return driver;
}
