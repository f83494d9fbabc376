import { pause, timed } from "../measure.ts";
import { onRunc, type Part } from "../part.ts";

const RANGE = 16_384;
/** dockerd starts iptables several times a port: it is given a smaller range. */
const FEWER = 256;
const FIRST = 20_000;

/** A container publishes a range of UDP ports: how much longer its create and start take than without, and what it costs. */
export const publish: Part = {
  name: "publish",
  rows: {
    [`publish ${RANGE} UDP ports (dockerd: ${FEWER})`]: { unit: "ms", goal: { atMost: 250 } },
    "microseconds a port": { unit: "us" },
    [`memory of ${RANGE} published ports (dockerd: ${FEWER})`]: { unit: "MB", goal: { atMost: 5 } },
    "processes for them": { unit: "", goal: { atMost: 0 } },
  },
  async run({ engines, record }) {
    const [took, aPort, cost, processes] = Object.keys(publish.rows) as [string, string, string, string];
    for (const engine of onRunc(engines)) {
      const count = engine.name === "dockerd" ? FEWER : RANGE;
      const bindings: Record<string, object[]> = {};
      for (let index = 0; index < count; index++) bindings[`${FIRST + index}/udp`] = [{ HostPort: String(FIRST + index) }];
      const measure = async (name: string, ports: Record<string, object[]>) => {
        let id = "";
        const time = await timed(async () => {
          id = await engine.createContainer(name, ["sleep", "3600"], { ports });
          await engine.call("POST", `/containers/${id}/start`);
        });
        await pause(1000);
        const after = { time, memory: engine.memory().rss, processes: engine.processes() };
        await engine.removeContainer(id);
        return after;
      };
      for (let round = 0; round < (engine.name === "dockerd" ? 2 : 5); round++) {
        const plain = await measure("plain", {});
        const ranged = await measure("ranged", bindings);
        // The first range also brings the heap to its size.
        if (round === 0) continue;
        const extra = Math.max(0, ranged.time - plain.time);
        record(took, engine.name, extra);
        record(aPort, engine.name, (extra * 1000) / count);
        record(cost, engine.name, Math.max(0, ranged.memory - plain.memory) / 2 ** 20);
        record(processes, engine.name, ranged.processes - plain.processes);
      }
    }
  },
};
