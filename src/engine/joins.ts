import { conflict, type FairwayError, HOST, invalid, messageOf, notFound } from "#base";
import type { HostLeg } from "#drivers";
import type { DesiredState, Item } from "#fabric";
import type { Context } from "./context.ts";
import { modelOf } from "./desired.ts";
import type { JoinRecord, NetworkRecord } from "./records.ts";
import type { SandboxPlan } from "./sandbox-plan.ts";

/** `fairway network route`: two networks of this host joined by a route through it, explicit and removable, for those who have no router. */
export class Joins {
  readonly #context: Context;
  readonly #plan: SandboxPlan;

  constructor(context: Context, plan: SandboxPlan) {
    this.#context = context;
    this.#plan = plan;
  }

  list(): readonly (readonly [string, string])[] {
    const name = (id: string) => this.#context.state.network(id)?.name ?? id;
    return this.#context.state.joins.map(({ networks: [a, b] }) => [name(a), name(b)]);
  }

  async add(from: string, to: string): Promise<void> {
    const { state } = this.#context;
    const [a, b] = [state.findNetwork(from), state.findNetwork(to)];
    if (a.id === b.id) throw invalid(`Cannot join network ${a.name} to itself`, { code: "join-self" });
    for (const network of [a, b]) this.#legOf(network);
    if (state.joinedTo(a.id).includes(b)) {
      throw conflict(`network ${a.name} has a route to network ${b.name} already`, { code: "joined-already" });
    }
    await state.putJoin(a.id, b.id);
    try {
      this.#refresh([a, b]);
    } catch (error) {
      await state.deleteJoin(recordOf(a, b));
      this.#refresh([a, b]);
      throw error;
    }
  }

  async remove(from: string, to: string): Promise<void> {
    const { state } = this.#context;
    const [a, b] = [state.findNetwork(from), state.findNetwork(to)];
    if (!state.joinedTo(a.id).includes(b)) throw notFound(`network ${a.name} has no route to network ${b.name}`, { code: "not-joined" });
    await state.deleteJoin(recordOf(a, b));
    this.#refresh([a, b]);
  }

  /** A network goes, and the routes to it. */
  async forget(network: NetworkRecord): Promise<void> {
    const { state } = this.#context;
    for (const other of state.joinedTo(network.id)) {
      await state.deleteJoin(recordOf(network, other));
      this.#refresh([other], [recordOf(network, other)]);
    }
  }

  /** What the joins want of the host; the containers' side is in their own endpoints. */
  desired(): Map<string, DesiredState> {
    const wants = new Map<string, DesiredState>();
    for (const join of this.#context.state.joins) {
      try {
        wants.set(scopeOf(join), this.#items(join));
      } catch (error) {
        this.#context.log.error("route between networks not restored", { error: messageOf(error) });
      }
    }
    return wants;
  }

  #items(join: JoinRecord): DesiredState {
    const [a, b] = join.networks.map((id) => this.#legOf(this.#context.state.findNetwork(id)).link) as [string, string];
    const forward = (key: string): Item => ({ type: "sysctl", ns: HOST, key, value: "1", optional: true });
    return [
      forward("net/ipv4/ip_forward"),
      ...(this.#context.facts().defaults.firewall
        ? [{ type: "element", set: "routes", key: [a, b] } as const, { type: "element", set: "routes", key: [b, a] } as const]
        : []),
    ];
  }

  /** Host and running containers follow the records. */
  #refresh(networks: readonly NetworkRecord[], gone: readonly JoinRecord[] = []): void {
    const { state, fabric } = this.#context;
    const wants = new Map<string, DesiredState | undefined>(gone.map((join) => [scopeOf(join), undefined]));
    const [a, b] = networks;
    if (a && b) {
      const join = recordOf(a, b);
      wants.set(scopeOf(join), state.joinedTo(a.id).includes(b) ? this.#items(join) : undefined);
    }
    for (const network of networks) for (const [scope, wanted] of this.#plan.onNetwork(network.id)) wants.set(scope, wanted);
    fabric.converge(wants);
  }

  /** @throws invalidParameter with the way out when the host has no leg in the network */
  #legOf(network: NetworkRecord): HostLeg {
    const leg = this.#context.driver(network.driver).hostLeg(modelOf(network), this.#context.facts());
    if (!leg || (leg.v4 === undefined && leg.v6 === undefined)) throw withoutLeg(network);
    return leg;
  }
}

const recordOf = (a: NetworkRecord, b: NetworkRecord): JoinRecord => ({ networks: a.id < b.id ? [a.id, b.id] : [b.id, a.id] });
const scopeOf = ({ networks: [a, b] }: JoinRecord): string => `join/${a}/${b}`;

const withoutLeg = ({ name, driver }: NetworkRecord): FairwayError =>
  invalid(
    driver === "macvlan" || driver === "ipvlan"
      ? `Cannot route through the host to network ${name}: the host has no address in it; make the network with -o fairway.host_access=true`
      : `Cannot route through the host to network ${name}: the host has no address in it`,
    { code: "no-host-leg", context: { network: name, driver } },
  );
