import type { Host } from "#lab";
import { inNetworkOf, script, startSink } from "../inside.ts";
import { quantile } from "../measure.ts";
import { type Bench, onRunc, type Part, turns } from "../part.ts";

const PORTS = 10_000;
const FIRST = 10_000;
const PORT = 8080;

/** A client on the same switch, outside of both. */
async function clientHost(lab: Bench["lab"], name: string): Promise<Host> {
  return lab.addHost(name, { nics: [{ switch: "lan", address: "192.168.56.200/24" }] });
}

async function addressOf(host: Host): Promise<string> {
  const address = /inet ([\d.]+)/.exec(await host.sh("ip -4 addr show dev eth0"))?.[1];
  if (!address) throw new Error(`Host ${host.name} has no address`);
  return address;
}

/** New connections from outside to a published port: with it alone, and with ten thousand others published, none next to another. */
export const latency: Part = {
  name: "latency",
  rows: {
    "new connection, one published port": { unit: "us" },
    [`new connection, ${PORTS} published ports`]: { unit: "us" },
    [`new connection with ${PORTS} ports, over one`]: { unit: "times", goal: { atMost: 1.1 } },
  },
  async run({ lab, engines, rounds, record }) {
    const [one, all, ratio] = Object.keys(latency.rows) as [string, string, string];
    const pair = onRunc(engines);
    const client = await clientHost(lab, "caller");
    const connect = async (address: string) => {
      const output = await inNetworkOf(client.pid, script("connect", address, PORT, 1000));
      return quantile(JSON.parse(output) as number[], 0.5);
    };
    const sinks: { kill(): void }[] = [];
    const servers: [(typeof pair)[number], string, string][] = [];
    for (const engine of pair) {
      const id = await engine.startContainer("server", ["sleep", "3600"], { ports: { [`${PORT}/tcp`]: [{ HostPort: String(PORT) }] } });
      sinks.push(await startSink(engine, id, PORT));
      servers.push([engine, id, await addressOf(engine.host)]);
    }
    for (const [engine, id, address] of servers) {
      const figures = engine.name === "dockerd" ? dockerdFigures(engine, id) : ourFigures(engine);
      for await (const [alone, crowded] of figures(() => connect(address), Math.min(rounds, 10))) {
        record(one, engine.name, alone);
        record(all, engine.name, crowded);
        record(ratio, engine.name, crowded / alone);
      }
    }
    for (const sink of sinks) sink.kill();
    for (const [engine, id] of servers) await engine.removeContainer(id);
    client.destroy();
  },
};

type Figures = (connect: () => Promise<number>, rounds: number) => AsyncGenerator<readonly [alone: number, crowded: number]>;

/** The crowd comes and goes in every round, so that what else the machine does meets both figures alike. */
const ourFigures = (engine: Bench["engines"][number]): Figures =>
  async function* (connect, rounds) {
    for (let round = 0; round <= rounds; round++) {
      const alone = await connect();
      await publishMany(engine);
      const crowded = await connect();
      await engine.removeContainer("crowd");
      // The first round warms up.
      if (round > 0) yield [alone, crowded];
    }
  };

/** Its rules are written once: that takes longer than all rounds. */
const dockerdFigures = (engine: Bench["engines"][number], id: string): Figures =>
  async function* (connect, rounds) {
    const alone: number[] = [];
    for (let round = 0; round < rounds; round++) alone.push(await connect());
    await dockerdRules(engine.host, id);
    for (const figure of alone) yield [figure, await connect()];
  };

const others = Array.from({ length: PORTS }, (_, index) => FIRST + index * 2);

async function publishMany(engine: Bench["engines"][number]): Promise<void> {
  // One address family: both would take two descriptors a port, and a process may have 20,000 on some machines.
  const ports = Object.fromEntries(others.map((port) => [`${port}/tcp`, [{ HostIp: "0.0.0.0", HostPort: String(port) }]]));
  await engine.startContainer("crowd", ["sleep", "3600"], { ports });
}

/** The rules that dockerd writes for as many ports. It would take hours to write them itself, starting iptables for each. */
async function dockerdRules(host: Host, id: string): Promise<void> {
  const address = /"IPAddress":"([\d.]+)"/.exec((await host.daemon.api("GET", `/containers/${id}/json`)).text)?.[1];
  const rules = (table: string, line: (port: number) => string) => [`*${table}`, ...others.map(line), "COMMIT", ""].join("\n");
  const nat = rules("nat", (port) => `-I DOCKER 2 ! -i docker0 -p tcp -m tcp --dport ${port} -j DNAT --to-destination ${address}:${port}`);
  const filter = rules("filter", (port) => `-I DOCKER 1 -d ${address}/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport ${port} -j ACCEPT`);
  await host.exec("iptables-restore -n", { input: nat + filter, timeout: 300_000 });
}

/** Octets a second into a container through a published port, from outside. */
export const throughput: Part = {
  name: "throughput",
  rows: { "throughput through a published port": { unit: "Gbit/s", more: true, goal: { timesDockerd: 1 } } },
  async run({ lab, engines, rounds, record }) {
    const pair = onRunc(engines);
    const client = await clientHost(lab, "sender");
    const addresses = new Map<string, string>();
    const ends: (() => Promise<void>)[] = [];
    for (const engine of pair) {
      const id = await engine.startContainer("server", ["sleep", "3600"], { ports: { [`${PORT}/tcp`]: [{ HostPort: String(PORT) }] } });
      const sink = await startSink(engine, id, PORT);
      addresses.set(engine.name, await addressOf(engine.host));
      ends.push(async () => {
        sink.kill();
        await engine.removeContainer(id);
      });
    }
    // Many short turns: the figure is whatever the machine has to spare, and only neighbours in time compare.
    await turns(pair, rounds * 2, async (engine, _round, warmup) => {
      const perSecond = Number(await inNetworkOf(client.pid, script("flood", addresses.get(engine.name)!, PORT, 0.4)));
      if (!warmup) record("throughput through a published port", engine.name, (perSecond * 8) / 1e9);
    });
    for (const end of ends) await end();
    client.destroy();
  },
};
