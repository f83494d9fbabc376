import { pause } from "../measure.ts";
import { onRunc, type Part } from "../part.ts";

const MEGABYTE = 2 ** 20;
const CONTAINERS = 100;

/** Memory of daemons that have just been started, and with containers. */
export const memory: Part = {
  name: "memory",
  rows: {
    "idle memory (PSS)": { unit: "MB", goal: { atMost: 120 } },
    "idle memory (RSS)": { unit: "MB", goal: { atMost: 120 } },
    [`memory a running container adds, with shim or conmon (PSS, of ${CONTAINERS})`]: { unit: "kB" },
    [`memory a running container adds to the daemon alone (RSS, of ${CONTAINERS})`]: { unit: "kB" },
  },
  async run({ engines, record }) {
    for (const engine of onRunc(engines)) {
      await engine.restart();
      await engine.call("GET", "/info");
      for (let sample = 0; sample < 3; sample++) {
        await pause(2000);
        const { pss, rss } = engine.memory();
        record("idle memory (PSS)", engine.name, pss / MEGABYTE);
        record("idle memory (RSS)", engine.name, rss / MEGABYTE);
      }
      await engine.createNetwork("memory");
      // What a first container costs once is not counted.
      const ids = [await engine.startContainer("memory-first", ["sleep", "3600"], { network: "memory" })];
      await pause(1000);
      const before = [engine.memoryOfAll().pss, engine.memory().rss] as const;
      for (let index = 0; index < CONTAINERS; index++)
        ids.push(await engine.startContainer(`memory${index}`, ["sleep", "3600"], { network: "memory" }));
      await pause(2000);
      const each = (after: number, from: number) => (after - from) / CONTAINERS / 1024;
      const [whole, own] = Object.keys(memory.rows).slice(2);
      record(whole!, engine.name, each(engine.memoryOfAll().pss, before[0]));
      record(own!, engine.name, each(engine.memory().rss, before[1]));
      for (const id of ids) await engine.removeContainer(id);
      await engine.call("DELETE", "/networks/memory");
    }
  },
};
