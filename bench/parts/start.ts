import { timed } from "../measure.ts";
import { type Part, turns } from "../part.ts";

/** Container starts on a user-defined bridge, over the API, and whole runs by the docker CLI. */
export const start: Part = {
  name: "start",
  rows: {
    "container create": { unit: "ms" },
    "container start on a user bridge": { unit: "ms", goal: { timesDockerd: 3 } },
    "container rm -f": { unit: "ms" },
    "docker run --rm busybox true": { unit: "ms", goal: { timesDockerd: 3 } },
    "docker version (the CLI's own share of a run)": { unit: "ms" },
  },
  async run({ engines, rounds, record }) {
    for (const engine of engines) await engine.createNetwork("start");
    await turns(engines, rounds, async (engine, round, warmup) => {
      let id = "";
      const create = await timed(async () => (id = await engine.createContainer(`s${round}`, ["sleep", "3600"], { network: "start" })));
      const start = await timed(() => engine.call("POST", `/containers/${id}/start`));
      const remove = await timed(() => engine.removeContainer(id));
      const run = await timed(() => engine.docker("run", "--rm", "busybox", "true"));
      const cli = await timed(() => engine.docker("version"));
      if (warmup) return;
      record("container create", engine.name, create);
      record("container start on a user bridge", engine.name, start);
      record("container rm -f", engine.name, remove);
      record("docker run --rm busybox true", engine.name, run);
      record("docker version (the CLI's own share of a run)", engine.name, cli);
    });
    for (const engine of engines) await engine.call("DELETE", "/networks/start");
  },
};
