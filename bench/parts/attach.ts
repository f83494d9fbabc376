import { timed } from "../measure.ts";
import { onRunc, type Part, turns } from "../part.ts";

/** A running container is connected to a further network and disconnected from it, over the API. */
export const attach: Part = {
  name: "attach",
  rows: {
    "network connect": { unit: "ms", goal: { timesDockerd: 5 } },
    "network disconnect": { unit: "ms", goal: { timesDockerd: 5 } },
  },
  async run({ engines, rounds, record }) {
    const pair = onRunc(engines);
    const ids = new Map<string, string>();
    for (const engine of pair) {
      await engine.createNetwork("attach");
      ids.set(engine.name, await engine.startContainer("attached", ["sleep", "3600"]));
    }
    await turns(pair, rounds, async (engine, _round, warmup) => {
      const body = { Container: ids.get(engine.name) };
      const connect = await timed(() => engine.call("POST", "/networks/attach/connect", body));
      const disconnect = await timed(() => engine.call("POST", "/networks/attach/disconnect", body));
      if (warmup) return;
      record("network connect", engine.name, connect);
      record("network disconnect", engine.name, disconnect);
    });
    for (const engine of pair) {
      await engine.removeContainer(ids.get(engine.name)!);
      await engine.call("DELETE", "/networks/attach");
    }
  },
};
