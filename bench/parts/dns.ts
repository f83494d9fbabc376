import { writeFileSync } from "node:fs";
import { inNetworkOf } from "../inside.ts";
import { quantile } from "../measure.ts";
import { onRunc, type Part, turns } from "../part.ts";

/** Queries a second at which latency is compared: both can do it. */
const RATE = 5000;

/** dnsperf in a container asks the embedded server for the names of other containers of its network. */
export const dns: Part = {
  name: "dns",
  rows: {
    "DNS queries a second, container names": { unit: "q/s", more: true, goal: { timesDockerd: 2 } },
    "DNS queries lost": { unit: "" },
    [`DNS median latency at ${RATE} q/s`]: { unit: "us" },
    [`DNS 99th percentile at ${RATE} q/s`]: { unit: "us", goal: { timesDockerd: 1 } },
  },
  async run({ lab, engines, rounds, record }) {
    const pair = onRunc(engines);
    const ids = new Map<string, string[]>();
    const pids = new Map<string, number>();
    for (const engine of pair) {
      await engine.createNetwork("dns");
      const list: string[] = [];
      for (const name of ["asker", "web1", "web2", "web3"])
        list.push(await engine.startContainer(name, ["sleep", "3600"], { network: "dns" }));
      ids.set(engine.name, list);
      pids.set(engine.name, await engine.containerPid(list[0]!));
    }
    const file = `${lab.directory}/queries`;
    writeFileSync(file, "web1 A\nweb2 A\nweb3 A\n");
    const dnsperf = (pid: number, ...args: string[]) =>
      inNetworkOf(pid, ["dnsperf", "-s", "127.0.0.11", "-d", file, "-c", "4", "-T", "1", "-q", "100", ...args]);
    await turns(pair, Math.min(rounds, 5), async (engine, _round, warmup) => {
      const pid = pids.get(engine.name)!;
      const full = await dnsperf(pid, "-l", "2");
      const paced = await dnsperf(pid, "-l", "2", "-Q", String(RATE), "-v");
      if (warmup) return;
      const latencies = [...paced.matchAll(/^> \w+ \S+ \S+ ([\d.]+)$/gm)].map((match) => Number(match[1]) * 1e6);
      record("DNS queries a second, container names", engine.name, Number(/Queries per second:\s+([\d.]+)/.exec(full)?.[1]));
      record("DNS queries lost", engine.name, Number(/Queries lost:\s+(\d+)/.exec(full)?.[1]));
      record(`DNS median latency at ${RATE} q/s`, engine.name, quantile(latencies, 0.5));
      record(`DNS 99th percentile at ${RATE} q/s`, engine.name, quantile(latencies, 0.99));
    });
    for (const engine of pair) {
      for (const id of ids.get(engine.name)!) await engine.removeContainer(id);
      await engine.call("DELETE", "/networks/dns");
    }
  },
};
