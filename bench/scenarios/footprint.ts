import { timed } from "../measure.ts";
import type { Scenario } from "../scenario.ts";

const MEGABYTE = 2 ** 20;
const ENDPOINTS = 1000;

/** Memory of a daemon that has just been started and left alone for a moment. */
export const idle: Scenario = {
  name: "idle",
  rows: { "idle memory": { unit: "MB", goal: { kind: "atMost", value: 120 } } },
  async run(engine) {
    await engine.daemon.restart();
    await new Promise((resolve) => setTimeout(resolve, 3000));
    return { "idle memory": engine.memory() / MEGABYTE };
  },
};

/** Many endpoints: one container on as many networks. What each costs in memory, and how long a killed daemon takes to serve again. */
export const endpoints: Scenario = {
  name: "endpoints",
  engines: ["fairway"],
  rows: {
    "memory per endpoint": { unit: "kB", goal: { kind: "atMost", value: 60 } },
    [`restart with ${ENDPOINTS} endpoints`]: { unit: "ms", goal: { kind: "atMost", value: 2000 } },
  },
  async run(engine) {
    const id = await engine.createContainer("many", ["sleep", "3600"]);
    await engine.call("POST", `/containers/${id}/start`);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const before = engine.memory();
    for (let index = 0; index < ENDPOINTS; index++) {
      await engine.createNetwork(`e${index}`);
      await engine.call("POST", `/networks/e${index}/connect`, { Container: id });
    }
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const after = engine.memory();
    await engine.daemon.kill();
    const restart = await timed(async () => {
      await engine.daemon.start();
      await engine.call("GET", `/containers/${id}/json`);
    });
    await engine.removeContainer(id);
    for (let index = 0; index < ENDPOINTS; index++) await engine.call("DELETE", `/networks/e${index}`);
    return { "memory per endpoint": (after - before) / ENDPOINTS / 1024, [`restart with ${ENDPOINTS} endpoints`]: restart };
  },
};
