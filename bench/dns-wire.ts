/**
 * Queries a second of the embedded DNS, for container names: the handler alone, then over sockets in a namespace of its own as a container asks
 * (127.0.0.11:53, redirected), and beside it another resolver in a namespace that is there already, as dockerd's.
 *
 *   node bench/dns-wire.ts [--reference /proc/PID/ns/net --name web] [--seconds 3] [--rounds 3]
 *
 * Needs root, dnsperf and nft for the second part. Touches nothing outside the namespace it makes.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { DnsServer, DnsZones, Forwarder, SandboxResolver } from "#dns";
import { BatchedPorts } from "#fabric";
import { openTcp, openUdp, Poller } from "#kernel/ffi";

const PORT = 5398;
const CONTAINERS = 1000;
type Kind = "batch" | "dgram";
type Redirect = "nat" | "stateless";

const { values } = parseArgs({
  options: {
    serve: { type: "string" },
    reference: { type: "string" },
    name: { type: "string", default: "web7" },
    seconds: { type: "string", default: "3" },
    rounds: { type: "string", default: "3" },
  },
});

function resolver(): SandboxResolver {
  const zones = new DnsZones();
  for (let index = 0; index < CONTAINERS; index++)
    zones.addEndpoint("n1", "bench", {
      endpointId: `e${index}`,
      names: [index === 7 ? values.name : `c${index}`, `alias${index}`, index.toString(16).padStart(12, "0")],
      ipv4: `10.0.${index >> 8}.${index & 255}`,
    });
  return new SandboxResolver(zones, { sandboxId: "s1", networks: [{ id: "n1", name: "bench" }] }, new Forwarder());
}

async function serve(kind: Kind): Promise<void> {
  const address = "127.0.0.11";
  const socket = openUdp({ address, port: PORT });
  const udp = kind === "dgram" ? socket.detach() : new BatchedPorts(new Poller()).port(socket);
  const server = new DnsServer({ resolver: resolver(), udp, tcp: openTcp({ address, port: PORT }).detach() });
  await server.start();
  process.stdout.write("ready\n");
}

/** One question, RD set; `edns` is the size said in an OPT record. */
function encodeQuery(name: string, type: number, edns = 0): Buffer {
  const labels = name.split(".").map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`, "latin1"));
  const question = Buffer.concat([...labels, Buffer.from([0, 0, type, 0, 1])]);
  const header = Buffer.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, edns > 0 ? 1 : 0]);
  return Buffer.concat([header, question, edns > 0 ? Buffer.from([0, 0, 41, edns >> 8, edns & 255, 0, 0, 0, 0, 0, 0]) : Buffer.alloc(0)]);
}

function handlerAlone(): void {
  const one = resolver();
  const into = Buffer.alloc(4096);
  const cases: readonly [what: string, query: Buffer][] = [
    ["A web7", encodeQuery(values.name, 1)],
    ["A web7, EDNS", encodeQuery(values.name, 1, 1232)],
    ["A web7.bench", encodeQuery(`${values.name}.bench`, 1)],
    ["AAAA web7 (empty)", encodeQuery(values.name, 28)],
    ["PTR 10.0.0.9", encodeQuery("9.0.0.10.in-addr.arpa", 12)],
    ["A nosuch (NXDOMAIN)", encodeQuery("nosuch", 1)],
  ];
  console.log("handler alone, one core:");
  for (const [what, query] of cases) {
    let count = 0;
    const started = performance.now();
    while (performance.now() - started < 500)
      for (let burst = 0; burst < 2000; burst++, count++) one.answer(query, 0, query.length, into, 0, 4096, false);
    const perSecond = count / ((performance.now() - started) / 1000);
    console.log(`  ${what.padEnd(22)} ${Math.round(perSecond).toLocaleString().padStart(10)} q/s  ${Math.round(1e9 / perSecond)} ns`);
  }
}

/** Port 53 of 127.0.0.11 to ours, by connection tracking as Docker does, or by rewriting the ports of every packet. */
const RULESETS: Readonly<Record<Redirect, string>> = {
  nat: `table ip nat {
  chain o { type nat hook output priority -100; ip daddr 127.0.0.11 udp dport 53 dnat to 127.0.0.11:${PORT}; ip daddr 127.0.0.11 tcp dport 53 dnat to 127.0.0.11:${PORT}
  }
  chain p { type nat hook postrouting priority 100; ip saddr 127.0.0.11 udp sport ${PORT} snat to :53
  }
}`,
  stateless: `table ip raw {
  chain o { type filter hook output priority -300
    oifname lo ip daddr 127.0.0.11 udp dport 53 udp dport set ${PORT} notrack accept
    oifname lo ip saddr 127.0.0.11 udp sport ${PORT} udp sport set 53 notrack accept
    oifname lo ip daddr 127.0.0.11 tcp dport 53 tcp dport set ${PORT} notrack accept
    oifname lo ip saddr 127.0.0.11 tcp sport ${PORT} tcp sport set 53 notrack accept
  }
}`,
};

interface Sample {
  readonly perSecond: number;
  readonly lost: number;
  readonly p50: number;
  readonly p99: number;
}

async function startServer(kind: Kind, redirect: Redirect): Promise<ChildProcess> {
  const script = `ip link set lo up && nft -f - <<'N'\n${RULESETS[redirect]}\nN\nexec "$0" "$@"`;
  const arguments_ = ["-n", "sh", "-c", script, process.execPath, import.meta.filename, "--serve", kind, "--name", values.name];
  const child = spawn("unshare", arguments_, { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise<void>((resolve, reject) => {
    child.stdout!.once("data", () => resolve());
    child.once("exit", (code) => reject(new Error(`server exited with ${code}`)));
  });
  return child;
}

function dnsperf(netns: string, file: string, extra: string[]): string {
  const base = [`--net=${netns}`, "dnsperf", "-s", "127.0.0.11", "-d", file, "-T", "1"];
  return execFileSync("nsenter", [...base, ...extra], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], maxBuffer: 1 << 28 });
}

function sample(netns: string, file: string): Sample {
  const full = dnsperf(netns, file, ["-l", values.seconds, "-c", "4", "-q", "100"]);
  const number = (pattern: RegExp) => Number(pattern.exec(full)?.[1] ?? Number.NaN);
  // Latency at a rate both can do, each query printed.
  const verbose = dnsperf(netns, file, ["-l", "2", "-c", "4", "-q", "100", "-Q", "20000", "-v"]);
  const latencies = [...verbose.matchAll(/^> \w+ \S+ \S+ ([\d.]+)$/gm)].map((match) => Number(match[1]) * 1e6).sort((a, b) => a - b);
  return {
    perSecond: number(/Queries per second:\s+([\d.]+)/),
    lost: number(/Queries lost:\s+(\d+)/),
    p50: latencies[Math.floor(latencies.length * 0.5)] ?? Number.NaN,
    p99: latencies[Math.floor(latencies.length * 0.99)] ?? Number.NaN,
  };
}

const median = (list: readonly number[]): number => list.toSorted((a, b) => a - b)[list.length >> 1]!;

async function measure(): Promise<void> {
  handlerAlone();
  const directory = mkdtempSync("/tmp/dns-wire-");
  const file = `${directory}/queries`;
  writeFileSync(file, `${values.name} A\n`);
  const results = new Map<string, Sample[]>();
  const record = (what: string, one: Sample) => results.set(what, [...(results.get(what) ?? []), one]);
  try {
    // In turns, so that what else the machine does meets all alike.
    for (let round = 0; round < Number(values.rounds); round++) {
      if (values.reference) record("reference", sample(values.reference, file));
      for (const kind of ["batch", "dgram"] as const)
        for (const redirect of ["stateless", "nat"] as const) {
          const child = await startServer(kind, redirect);
          try {
            record(`${kind}, ${redirect}`, sample(`/proc/${child.pid}/ns/net`, file));
          } finally {
            child.kill();
          }
        }
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
  const of = (what: string, key: keyof Sample) => median((results.get(what) ?? []).map((one) => one[key]));
  const reference = results.has("reference") ? of("reference", "perSecond") : Number.NaN;
  console.log(`over UDP, median of ${values.rounds}: queries/s with 100 outstanding; latency in µs at 20,000/s`);
  for (const what of results.keys()) {
    const perSecond = of(what, "perSecond");
    const columns = [
      Math.round(perSecond).toLocaleString().padStart(9),
      `p50 ${of(what, "p50").toFixed(0)}`,
      `p99 ${of(what, "p99").toFixed(0)}`,
    ];
    console.log(`  ${what.padEnd(18)} ${columns.join("  ")}  lost ${of(what, "lost")}  ratio ${(perSecond / reference).toFixed(2)}`);
  }
}

if (values.serve) await serve(values.serve as Kind);
else await measure();
