/**
 * The engine as a library on this host's kernel, with no daemon and no containers: what is ours in a start, and what a thousand endpoints cost. Prints JSON.
 *   node --expose-gc engine.ts share|many DATA-ROOT EXEC-ROOT COUNT
 */
import { mkdirSync, readFileSync } from "node:fs";
import { engineConfig, openEngine, type SandboxSpec } from "#engine";
import { openStore } from "#store";
import { pause, timed } from "../measure.ts";

const [command = "", dataRoot = "", execRoot = "", count = ""] = process.argv.slice(2);
for (const directory of [dataRoot, execRoot]) mkdirSync(directory, { recursive: true });
const store = await openStore(`sqlite:${dataRoot}/fairway.db`);
const engine = await openEngine({ config: engineConfig({ dataRoot, execRoot }), store });

const spec = (name: string, ports: SandboxSpec["ports"] = {}): SandboxSpec => ({
  containerId: Buffer.from(name).toString("hex").padEnd(64, "0"),
  containerName: name,
  network: { mode: "networks" },
  endpoints: [{ network: "load", spec: {} }],
  hostname: name,
  domainname: "",
  dns: { servers: [], search: [], options: [] },
  extraHosts: [],
  ports,
  exposed: [],
  publishAll: false,
  links: [],
  filesDir: `${dataRoot}/files/${name}`,
  sysctls: {},
});

/** Resident and proportional memory of this process, octets. */
function memory() {
  const rollup = readFileSync("/proc/self/smaps_rollup", "utf8");
  const of = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(rollup)?.[1] ?? 0) * 1024;
  return { rss: of("Rss"), pss: of("Pss") };
}

/** One container after another, each with a published port, as a daemon does it for a start and a stop. */
async function share(rounds: number) {
  await engine.createNetwork({ name: "load", ipam: { driver: "default", options: null, config: [{ subnet: "10.240.0.0/16" }] } });
  const opens: number[] = [];
  const closes: number[] = [];
  const cpu: number[] = [];
  for (let round = 0; round < rounds + 5; round++) {
    const wanted = spec(`c${round}`, { "80/tcp": [{ hostIp: "", hostPort: "8080" }] });
    // Containers have their directory since they were created.
    mkdirSync(wanted.filesDir, { recursive: true });
    await engine.declareSandbox(wanted);
    const used = process.cpuUsage();
    const open = await timed(() => engine.openSandbox(wanted.containerId));
    const { user, system } = process.cpuUsage(used);
    await pause(20);
    const close = await timed(() => engine.closeSandbox(wanted.containerId));
    await engine.forgetSandbox(wanted.containerId);
    // The kernel takes a namespace apart in its own time, and whoever makes another meanwhile waits for it.
    await pause(100);
    if (round < 5) continue;
    opens.push(open);
    closes.push(close);
    cpu.push((user + system) / 1000);
  }
  return { opens, closes, cpu };
}

/** Many on the network `load`, which are left there. */
async function many(total: number) {
  const warm = spec("warm");
  for (let round = 0; round < 20; round++) {
    await engine.declareSandbox(warm);
    await engine.openSandbox(warm.containerId);
    await engine.closeSandbox(warm.containerId);
    await engine.forgetSandbox(warm.containerId);
  }
  await pause(500);
  globalThis.gc?.();
  const before = memory();
  const cpu: number[] = [];
  for (let index = 0; index < total; index++) {
    const wanted = spec(`c${index}`);
    await engine.declareSandbox(wanted);
    const used = process.cpuUsage();
    await engine.openSandbox(wanted.containerId);
    const { user, system } = process.cpuUsage(used);
    cpu.push(user + system);
  }
  await pause(1000);
  globalThis.gc?.();
  await pause(500);
  const after = memory();
  return { cpu, rss: after.rss - before.rss, pss: after.pss - before.pss };
}

const result = command === "share" ? await share(Number(count)) : await many(Number(count));
await engine.close();
await store.close();
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit(0);
