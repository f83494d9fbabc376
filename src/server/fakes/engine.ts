import { conflict, forbidden, invalid, newId, notFound } from "#base";
import type { Engine, EngineEvent, NetworkSpec, NetworkView } from "#engine";

const network = (spec: NetworkSpec, subnet: string | undefined, predefined: boolean): NetworkView => ({
  id: newId(),
  name: spec.name,
  created: "2026-11-21T07:29:31.007728388Z",
  driver: spec.driver ?? "bridge",
  scope: "local",
  ipv4: spec.ipv4 ?? true,
  ipv6: spec.ipv6 ?? false,
  internal: spec.internal ?? false,
  attachable: spec.attachable ?? false,
  ingress: false,
  configOnly: spec.configOnly ?? false,
  configFrom: spec.configFrom ?? "",
  ipam: {
    driver: "default",
    options: spec.ipam?.options ?? null,
    config: spec.ipam?.config.length ? spec.ipam.config : subnet ? [{ subnet: `${subnet}.0.0/16`, gateway: `${subnet}.0.1` }] : null,
  },
  options: spec.options ?? {},
  labels: spec.labels ?? {},
  predefined,
  endpoints: [],
});

/** An engine of records alone, for tests of the server. `calls` has every operation as it came. */
export class FakeEngine {
  readonly calls: (readonly unknown[])[] = [];
  readonly networks: NetworkView[] = [
    network({ name: "bridge" }, "172.17", true),
    network({ name: "host", driver: "host" }, undefined, true),
    network({ name: "none", driver: "null" }, undefined, true),
  ];
  readonly #listeners = new Set<(event: EngineEvent) => void>();

  async createNetwork(spec: NetworkSpec) {
    this.calls.push(["createNetwork", spec]);
    if (spec.name.trim() === "") throw invalid("invalid name: name is empty");
    if (this.networks.some(({ name }) => name === spec.name)) throw conflict(`network with name ${spec.name} already exists`);
    const made = network(spec, `172.${15 + this.networks.length}`, false);
    this.networks.push(made);
    this.emit("create", made, {});
    return { id: made.id, warning: "" };
  }

  async removeNetwork(reference: string) {
    const found = this.findNetwork(reference);
    if (found.predefined) throw forbidden(`${found.name} is a pre-defined network and cannot be removed`);
    this.networks.splice(this.networks.indexOf(found), 1);
    this.emit("destroy", found, {});
  }

  async pruneNetworks(keep: (network: NetworkView) => boolean) {
    const removed = this.networks.filter((candidate) => !candidate.predefined && !candidate.configOnly && !keep(candidate));
    for (const { id } of removed) await this.removeNetwork(id);
    return removed.map(({ name }) => name);
  }

  findNetwork(reference: string): NetworkView {
    const exact = this.networks.find(({ id, name }) => id === reference || name === reference);
    if (exact) return exact;
    const byPrefix = this.networks.filter(({ id }) => id.startsWith(reference));
    if (byPrefix.length > 1) throw invalid(`network ${reference} is ambiguous (${byPrefix.length} matches found based on ID prefix)`);
    if (!byPrefix[0]) throw notFound(`network ${reference} not found`);
    return byPrefix[0];
  }

  listNetworks = () => this.networks;

  async connect(reference: string, containerId: string, spec: unknown) {
    this.calls.push(["connect", this.findNetwork(reference).name, containerId, spec]);
  }

  async disconnect(reference: string, containerId: string, force: boolean) {
    this.calls.push(["disconnect", this.findNetwork(reference).name, containerId, force]);
  }

  onEvent(listener: (event: EngineEvent) => void) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(action: EngineEvent["action"], { id, name, driver }: NetworkView, extra: Record<string, string>) {
    const timeNano = BigInt(Date.now()) * 1_000_000n + 123n;
    for (const listener of this.#listeners) listener({ action, networkId: id, attributes: { name, type: driver, ...extra }, timeNano });
  }

  /** The contract's methods that the server never calls are missing. */
  get door(): Engine {
    return this as unknown as Engine;
  }
}
