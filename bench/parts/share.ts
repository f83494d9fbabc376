import type { Host } from "#lab";
import { Engine } from "../engine.ts";
import { script } from "../inside.ts";
import { median, timed } from "../measure.ts";
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
const GROWTH = `start of container ${TOTAL} of a network, over the first`;
/** By processor time: it is a fifteenth of a start, and what else the machine does would drown it. */
const OWN_GROWTH = `our own share of it (processor time), the last ${TOTAL / 20} over the first`;

/** Starts of containers on the network `load`, one after the other and each removed again, in milliseconds over the API. */
async function starts(host: Host, rounds: number): Promise<number[]> {
  const engine = new Engine("fairway", host);
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const id = await engine.createContainer(`start${round}`, ["sleep", "3600"], { network: "load" });
    times.push(await timed(() => engine.call("POST", `/containers/${id}/start`)));
    await engine.removeContainer(id);
  }
  // The first ones compile what the others run.
  return times.slice(3);
}

/** A thousand containers' share on one network; then a daemon is started on what is there. */
export const many: Part = {
  name: "many",
  rows: {
    [GROWTH]: { unit: "times", goal: { atMost: 1.5 } },
    [OWN_GROWTH]: { unit: "times" },
    [`names of ${TOTAL} containers resolve (1: yes)`]: { unit: "" },
    "memory per endpoint (RSS)": { unit: "kB", goal: { atMost: 60 } },
    [`restart with ${TOTAL} endpoints: /_ping answers`]: { unit: "ms", goal: { atMost: 2000 } },
    [`restart with ${TOTAL} endpoints: /networks answers`]: { unit: "ms", goal: { atMost: 2000 } },
    [`daemon's memory with ${TOTAL} endpoints (RSS)`]: { unit: "MB" },
  },
  async run({ lab, rounds, record }) {
    const host = await engineHost(lab, "many");
    await host.startDaemon(["--runtime", "runc"]);
    await host.importBusybox();
    await host.docker("network create --subnet 10.240.0.0/16 load");
    const first = median(await starts(host, rounds + 3));
    await host.daemon.stop();
    const output = await host.sh(script("engine", "many", `${host.directory}/data/fairway`, "/run/fairway", TOTAL), { timeout: 300_000 });
    const { cpu, rss, resolved } = JSON.parse(output) as { cpu: number[]; rss: number; resolved: boolean };
    record(OWN_GROWTH, "fairway", median(cpu.slice(-TOTAL / 20)) / median(cpu.slice(0, TOTAL / 20)));
    record(`names of ${TOTAL} containers resolve (1: yes)`, "fairway", resolved ? 1 : 0);
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
      if (round === 2) record(GROWTH, "fairway", median(await starts(host, rounds + 3)) / first);
      await daemon.kill();
    }
    host.destroy();
  },
};
