import { timed } from "../measure.ts";
import { onRunc, type Part, turns } from "../part.ts";

/** Networks are made and removed over the API, on a daemon that has hardly any. */
export const network: Part = {
  name: "network",
  rows: {
    "network create": { unit: "ms", goal: { timesDockerd: 10 } },
    "network rm": { unit: "ms", goal: { timesDockerd: 20 } },
  },
  async run({ engines, rounds, record }) {
    await turns(onRunc(engines), rounds, async (engine, round, warmup) => {
      const create = await timed(() => engine.createNetwork(`n${round}`));
      const remove = await timed(() => engine.call("DELETE", `/networks/n${round}`));
      if (warmup) return;
      record("network create", engine.name, create);
      record("network rm", engine.name, remove);
    });
  },
};
