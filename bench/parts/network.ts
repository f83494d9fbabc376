import { timed } from "../measure.ts";
import { onRunc, type Part, turns } from "../part.ts";

/** Networks are made and removed over the API, on daemons that have hardly any. */
export const network: Part = {
  name: "network",
  rows: {
    "network create": { unit: "ms", goal: { timesDockerd: 10 } },
    "network rm": { unit: "ms", goal: { timesDockerd: 20 } },
  },
  async run({ engines, rounds, record }) {
    const pair = onRunc(engines);
    // First all are made, then all are removed: the kernel is busy with a bridge for 20 ms after it is gone, and whoever makes one then waits for it.
    await turns(pair, rounds, async (engine, round, warmup) => {
      const create = await timed(() => engine.createNetwork(`n${round}`));
      if (!warmup) record("network create", engine.name, create);
    });
    await turns(pair, rounds, async (engine, round, warmup) => {
      const remove = await timed(() => engine.call("DELETE", `/networks/n${round}`));
      if (!warmup) record("network rm", engine.name, remove);
    });
  },
};
