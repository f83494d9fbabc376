import type { Engine } from "../engine.ts";
import { inNetworkOf, script } from "../inside.ts";
import { pause, timed } from "../measure.ts";
import { type Part, turns } from "../part.ts";

const START = "macvlan container start, address probed before";
const AT_ONCE = "macvlan container start right after create, probe included";
const OFF = "macvlan container start, -o fairway.address_probe=off";
const PROBE = "the probe's own time, from create on";

/** Starts on a macvlan network over the host's uplink. The probe begins when a container is made, and a start waits for what is left of it. */
export const macvlan: Part = {
  name: "macvlan",
  rows: {
    [START]: { unit: "ms", goal: { timesDockerd: 3 } },
    [OFF]: { unit: "ms", goal: { timesDockerd: 3 } },
    [AT_ONCE]: { unit: "ms" },
    [PROBE]: { unit: "ms" },
  },
  async run({ engines, rounds, record }) {
    for (const engine of engines) {
      await createLan(engine, "lan", {});
      if (engine.name !== "dockerd") await createLan(engine, "unprobed", { "fairway.address_probe": "off" });
    }
    await turns(engines, rounds, async (engine, round, warmup) => {
      const take = async (row: string, network: string, wait: number) => {
        const id = await engine.createContainer(`m${round}`, ["sleep", "3600"], { network });
        await pause(wait);
        const start = await timed(() => engine.call("POST", `/containers/${id}/start`));
        await engine.removeContainer(id);
        if (!warmup) record(row, engine.name, start);
      };
      await take(START, "lan", 300);
      await take(AT_ONCE, "lan", 0);
      await take(OFF, engine.name === "dockerd" ? "lan" : "unprobed", 0);
    });
    const fairway = engines.find(({ name }) => name === "fairway");
    if (fairway) {
      const times = JSON.parse(await inNetworkOf(fairway.host.pid, script("probe", "eth0", "10.99.0.1", rounds))) as number[];
      for (const time of times) record(PROBE, "fairway", time);
    }
    for (const engine of engines) {
      await engine.call("DELETE", "/networks/lan");
      if (engine.name !== "dockerd") await engine.call("DELETE", "/networks/unprobed");
    }
  },
};

/** A subnet for each network: engines share one segment, and none is to find another's containers there. dockerd allows one network a parent. */
async function createLan(engine: Engine, name: string, options: Readonly<Record<string, string>>): Promise<void> {
  const subnet = `10.${{ dockerd: 91, fairway: 92, "fairway-crun": 93 }[engine.name]}.${name === "lan" ? 0 : 1}.0/24`;
  await engine.createNetwork(name, { Driver: "macvlan", Options: { parent: "eth0", ...options }, IPAM: { Config: [{ Subnet: subnet }] } });
}
