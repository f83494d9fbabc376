import type { Host } from "#lab";
import { script } from "../inside.ts";
import { median } from "../measure.ts";
import type { Bench, Part } from "../part.ts";

/** A host without a daemon, on which a script uses the engine as a library. */
export async function engineHost(lab: Bench["lab"], name: string): Promise<Host> {
  const host = await lab.addHost(name, { nics: [{ switch: "lan" }] });
  await host.sh(`umount ${host.directory}/data`);
  return host;
}

/** What the engine does for a start: namespace, link, addresses, firewall, published port, names, files, and the record on disk. */
export const share: Part = {
  name: "share",
  rows: {
    "our own share of a start": { unit: "ms", goal: { atMost: 5 } },
    "processor time of it (what other work on the machine does not change)": { unit: "ms" },
    "our own share of a stop": { unit: "ms" },
  },
  async run({ lab, rounds, record }) {
    const host = await engineHost(lab, "share");
    const output = await host.sh(script("engine", "share", `${host.directory}/data/share`, "/run/share", rounds * 5), { timeout: 120_000 });
    const { opens, closes, cpu } = JSON.parse(output) as { opens: number[]; closes: number[]; cpu: number[] };
    for (const open of opens) record("our own share of a start", "fairway", open);
    for (const time of cpu) record("processor time of it (what other work on the machine does not change)", "fairway", time);
    for (const close of closes) record("our own share of a stop", "fairway", close);
    host.destroy();
  },
};

const TOTAL = 1000;
/** By processor time: the first and the last are a minute apart, and what else the machine does would drown it. */
const OWN_GROWTH = `our own share of a start (processor time), of ${TOTAL} the last ${TOTAL / 20} over the first`;

/** A thousand containers' share on one network; then a daemon is started on what is there. */
export const many: Part = {
  name: "many",
  rows: {
    [OWN_GROWTH]: { unit: "times" },
    "memory per endpoint (RSS)": { unit: "kB", goal: { atMost: 60 } },
    [`restart with ${TOTAL} endpoints: /_ping answers`]: { unit: "ms", goal: { atMost: 2000 } },
    [`restart with ${TOTAL} endpoints: /networks answers`]: { unit: "ms", goal: { atMost: 2000 } },
    [`daemon's memory with ${TOTAL} endpoints (RSS)`]: { unit: "MB" },
  },
  async run({ lab, record }) {
    const host = await engineHost(lab, "many");
    await host.startDaemon(["--runtime", "runc"]);
    await host.docker("network create --subnet 10.240.0.0/16 load");
    await host.daemon.stop();
    const output = await host.sh(script("engine", "many", `${host.directory}/data/fairway`, "/run/fairway", TOTAL), { timeout: 300_000 });
    const { cpu, rss } = JSON.parse(output) as { cpu: number[]; rss: number };
    record(OWN_GROWTH, "fairway", median(cpu.slice(-TOTAL / 20)) / median(cpu.slice(0, TOTAL / 20)));
    record("memory per endpoint (RSS)", "fairway", rss / TOTAL / 1024);
    for (let round = 0; round < 3; round++) {
      const { daemon } = host;
      const started = performance.now();
      await daemon.start();
      record(`restart with ${TOTAL} endpoints: /_ping answers`, "fairway", performance.now() - started);
      const answer = await daemon.api("GET", "/networks/load");
      record(`restart with ${TOTAL} endpoints: /networks answers`, "fairway", performance.now() - started);
      const { Containers } = JSON.parse(answer.text) as { Containers: object };
      if (Object.keys(Containers).length !== TOTAL) throw new Error(`${Object.keys(Containers).length} of ${TOTAL} endpoints are there`);
      const rollup = await host.sh(`grep ^Rss: /proc/$(cat /run/fairway.pid)/smaps_rollup`);
      record(`daemon's memory with ${TOTAL} endpoints (RSS)`, "fairway", Number(/\d+/.exec(rollup)?.[0]) / 1024);
      await daemon.kill();
    }
    host.destroy();
  },
};
