import { median, timed } from "../measure.ts";
import type { Scenario } from "../scenario.ts";

/** Attachments to a running container, over the API. */
export const attachments: Scenario = {
  name: "attachments",
  rows: {
    "network connect": { unit: "ms", goal: { kind: "fasterThanDockerd", value: 5 } },
    "network disconnect": { unit: "ms", goal: { kind: "fasterThanDockerd", value: 5 } },
  },
  async run(engine, rounds) {
    await engine.createNetwork("attach");
    const id = await engine.createContainer("attached", ["sleep", "3600"]);
    await engine.call("POST", `/containers/${id}/start`);
    const connects: number[] = [];
    const disconnects: number[] = [];
    for (let round = 0; round < rounds; round++) {
      connects.push(await timed(() => engine.call("POST", "/networks/attach/connect", { Container: id })));
      disconnects.push(await timed(() => engine.call("POST", "/networks/attach/disconnect", { Container: id })));
    }
    await engine.removeContainer(id);
    await engine.call("DELETE", "/networks/attach");
    return { "network connect": median(connects), "network disconnect": median(disconnects) };
  },
};

/** Container starts on a user-defined bridge, over the API, and whole runs by the docker CLI. */
export const starts: Scenario = {
  name: "starts",
  rows: {
    "container start on a user bridge": { unit: "ms", goal: { kind: "fasterThanDockerd", value: 3 } },
    "docker run --rm busybox true": { unit: "ms", goal: { kind: "fasterThanDockerd", value: 3 } },
  },
  async run(engine, rounds) {
    await engine.createNetwork("start");
    const times: number[] = [];
    const runs: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const id = await engine.createContainer(`s${round}`, ["sleep", "3600"], "start");
      times.push(await timed(() => engine.call("POST", `/containers/${id}/start`)));
      await engine.removeContainer(id);
      runs.push(await timed(() => engine.host.docker("run --rm busybox true")));
    }
    await engine.call("DELETE", "/networks/start");
    return { "container start on a user bridge": median(times), "docker run --rm busybox true": median(runs) };
  },
};
