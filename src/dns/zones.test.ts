import assert from "node:assert/strict";
import { test } from "node:test";
import type { Collision } from "./collisions.ts";
import { CollisionGroup } from "./collisions.ts";
import { seededRandom } from "./random.ts";
import { ask, makeResolver } from "./testing.ts";
import type { ViewLink } from "./view.ts";
import { RecordType } from "./wire.ts";
import { DnsZones, type ZoneEndpoint } from "./zones.ts";

/** The slow and obvious way: a list of everything, searched for each question. */
class NaiveModel {
  readonly networks = new Map<string, { name: string; endpoints: Map<string, ZoneEndpoint> }>();

  resolve(view: { order: string[]; links: ViewLink[] }, name: string, family: 4 | 6): string[] | undefined {
    const parts = name.toLowerCase().split(".");
    for (let keep = parts.length; keep > 0; keep--) {
      const wanted = parts.slice(0, keep).join(".");
      const network = keep === parts.length ? undefined : parts.slice(keep).join(".");
      const inScope = view.order.filter((id) => network === undefined || this.networks.get(id)?.name.toLowerCase() === network);
      for (const useLinks of [true, false])
        for (const id of inScope) {
          const link = view.links.findLast((one) => one.networkId === id && one.alias.toLowerCase() === wanted);
          if (useLinks !== (link !== undefined)) continue;
          const target = (link?.target ?? wanted).toLowerCase();
          const hits = [...(this.networks.get(id)?.endpoints.values() ?? [])].filter((endpoint) =>
            endpoint.names.some((one) => one.toLowerCase() === target),
          );
          if (hits.length > 0) return hits.flatMap((hit) => (family === 4 ? (hit.ipv4 ?? []) : (hit.ipv6 ?? []))).toSorted();
        }
    }
    return undefined;
  }

  reverse(order: string[], address: string): string | undefined {
    for (const id of order) {
      const network = this.networks.get(id);
      for (const endpoint of network?.endpoints.values() ?? [])
        if (endpoint.ipv4 === address) return `${endpoint.names[0]!.toLowerCase()}.${network!.name.toLowerCase()}`;
    }
    return undefined;
  }
}

const NAMES = ["web", "Db", "a.b", "a", "b", "web.blue", "x", "POOL"];
const NETWORKS = ["blue", "b", "green.lan", "a.blue"];

test("DnsZones answers as a naive model does over random changes", () => {
  const random = seededRandom(Number(process.env.FAIRWAY_SEED ?? 7));
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  for (let run = 0; run < 30; run++) {
    const zones = new DnsZones();
    const model = new NaiveModel();
    for (const [index, name] of NETWORKS.entries()) model.networks.set(`n${index}`, { name, endpoints: new Map() });
    const ids = [...model.networks.keys()];
    const view = { order: ids.slice(0, 2), links: [] as ViewLink[] };
    const spec = () => ({
      sandboxId: "s1",
      networks: view.order.map((id) => ({ id, name: model.networks.get(id)!.name })),
      links: view.links,
    });
    const resolver = makeResolver(spec(), zones);
    let next = 1;
    for (let step = 0; step < 300; step++) {
      const id = pick(ids);
      const network = model.networks.get(id)!;
      const endpoints = [...network.endpoints.keys()];
      const action = random();
      if (action < 0.35 || endpoints.length === 0) {
        const endpoint: ZoneEndpoint = {
          endpointId: random() < 0.1 && endpoints.length > 0 ? pick(endpoints) : `e${next}`,
          names: [...new Set(Array.from({ length: 1 + Math.floor(random() * 3) }, () => pick(NAMES)))],
          ...(random() < 0.9 ? { ipv4: `10.${next >> 16}.${(next >> 8) & 255}.${next & 255}` } : {}),
          ...(random() < 0.5 ? { ipv6: `fd00::${next.toString(16)}` } : {}),
        };
        next++;
        network.endpoints.delete(endpoint.endpointId);
        network.endpoints.set(endpoint.endpointId, endpoint);
        zones.addEndpoint(id, network.name, endpoint);
      } else if (action < 0.6) {
        const gone = pick(endpoints);
        network.endpoints.delete(gone);
        zones.removeEndpoint(id, gone);
      } else if (action < 0.75) {
        const changed = pick(endpoints);
        const names = [pick(NAMES), `c${step}`];
        network.endpoints.set(changed, { ...network.endpoints.get(changed)!, names });
        zones.renameEndpoint(id, changed, names);
      } else if (action < 0.85) {
        view.order = ids.toSorted(() => random() - 0.5).slice(0, 1 + Math.floor(random() * 4));
        view.links = Array.from({ length: Math.floor(random() * 3) }, () => ({
          networkId: pick(ids),
          alias: pick(NAMES),
          target: pick(NAMES),
        }));
        resolver.update(spec());
      }
      for (let question = 0; question < 6; question++) {
        const name = random() < 0.5 ? pick(NAMES) : `${pick(NAMES)}.${pick(NETWORKS)}`;
        const family = random() < 0.7 ? 4 : 6;
        const answer = ask(resolver, name, family === 4 ? RecordType.A : RecordType.AAAA);
        const expected = model.resolve(view, name, family);
        const got = Array.isArray(answer) ? answer.toSorted() : undefined;
        assert.deepEqual(got, expected, `run ${run} step ${step}: ${name} over ${JSON.stringify(view)}`);
      }
      const address = 1 + Math.floor(random() * next);
      const text = `10.${address >> 16}.${(address >> 8) & 255}.${address & 255}`;
      const pointer = ask(resolver, `${text.split(".").toReversed().join(".")}.in-addr.arpa`, RecordType.PTR);
      const expected = model.reverse(view.order, text);
      assert.deepEqual(Array.isArray(pointer) ? pointer[0] : undefined, expected, `run ${run} step ${step}: PTR ${text}`);
    }
    for (const [id, network] of model.networks) for (const endpointId of network.endpoints.keys()) zones.removeEndpoint(id, endpointId);
    resolver.close();
    assert.deepEqual(zones.size, { networks: 0, endpoints: 0 }, "nothing is left behind");
  }
});

test("addEndpoint() looks for collisions of its own names alone, at the 20,000th endpoint of a network as at the first", (t) => {
  const zones = new DnsZones();
  makeResolver(
    {
      networks: [
        { id: "n1", name: "blue" },
        { id: "n2", name: "green" },
      ],
    },
    zones,
  );
  const checked = t.mock.method(CollisionGroup.prototype, "check");
  const add = (index: number) => {
    checked.mock.resetCalls();
    zones.addEndpoint("n1", "blue", {
      endpointId: `e${index}`,
      names: [`c${index}`, `alias${index}`],
      ipv4: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`,
    });
    return checked.mock.callCount();
  };
  for (let index = 0; index < 20_000; index++) assert.equal(add(index), 2);
});

const NETS = [
  { id: "n1", name: "blue" },
  { id: "n2", name: "green" },
];

test("onCollision tells of a name that means two containers, once for each sandbox that sees both networks", () => {
  const told: Collision[] = [];
  const zones = new DnsZones({ onCollision: (collision) => told.push(collision) });
  const both = makeResolver({ sandboxId: "both", networks: NETS }, zones);
  makeResolver({ sandboxId: "one", networks: NETS.slice(0, 1) }, zones);
  zones.addEndpoint("n1", "blue", { endpointId: "e1", names: ["web"], ipv4: "10.0.0.1", containerId: "c1" });
  assert.equal(told.length, 0);
  zones.addEndpoint("n2", "green", { endpointId: "e2", names: ["WEB", "api"], ipv4: "10.1.0.1", containerId: "c2" });
  const blue = { networkId: "n1", networkName: "blue" };
  const green = { networkId: "n2", networkName: "green" };
  assert.deepEqual(told, [{ sandboxId: "both", name: "web", winner: blue, hidden: green }]);
  makeResolver({ sandboxId: "late", networks: NETS.toReversed() }, zones);
  assert.deepEqual(told[1], { sandboxId: "late", name: "web", winner: green, hidden: blue });
  zones.removeEndpoint("n2", "e2");
  both.close();
  zones.addEndpoint("n2", "green", { endpointId: "e2", names: ["web"], ipv4: "10.1.0.1", containerId: "c2" });
  assert.deepEqual(
    told.slice(2).map(({ sandboxId }: Collision) => sandboxId),
    ["late"],
    "the collision came back; a closed sandbox is not told",
  );
});

test("onCollision is silent for one container on both networks, and for a service that shares containers", () => {
  const told: Collision[] = [];
  const zones = new DnsZones({ onCollision: (collision) => told.push(collision) });
  makeResolver({ networks: NETS }, zones);
  zones.addEndpoint("n1", "blue", { endpointId: "e1", names: ["web", "svc"], ipv4: "10.0.0.1", containerId: "c1" });
  zones.addEndpoint("n2", "green", { endpointId: "e2", names: ["web", "svc"], ipv4: "10.1.0.1", containerId: "c1" });
  zones.addEndpoint("n2", "green", { endpointId: "e3", names: ["svc"], ipv4: "10.1.0.2", containerId: "c2" });
  assert.deepEqual(told, []);
});

test("removeNetwork() empties the network for those who still look at it", () => {
  const zones = new DnsZones();
  const resolver = makeResolver({ networks: NETS }, zones);
  zones.addEndpoint("n1", "blue", { endpointId: "e1", names: ["web"], ipv4: "10.0.0.1" });
  zones.removeNetwork("n1");
  assert.equal(ask(resolver, "web"), "rcode 3");
  resolver.close();
  assert.deepEqual(zones.size, { networks: 0, endpoints: 0 });
});
