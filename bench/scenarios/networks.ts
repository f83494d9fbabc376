import { median, timed } from "../measure.ts";
import type { Scenario } from "../scenario.ts";

/** Networks are made and removed over the API; then many of them, to see what the next one costs. */
export const networks: Scenario = {
  name: "networks",
  rows: {
    "network create": { unit: "ms", goal: { kind: "fasterThanDockerd", value: 10 } },
    "network rm": { unit: "ms", goal: { kind: "fasterThanDockerd", value: 20 } },
  },
  async run(engine, rounds) {
    const creates: number[] = [];
    const removes: number[] = [];
    for (let round = 0; round < rounds; round++) {
      creates.push(await timed(() => engine.createNetwork(`n${round}`)));
      removes.push(await timed(() => engine.call("DELETE", `/networks/n${round}`)));
    }
    return { "network create": median(creates), "network rm": median(removes) };
  },
};

const MANY = 1000;

export const manyNetworks: Scenario = {
  name: "many-networks",
  engines: ["fairway"],
  rows: { [`network create at ${MANY}, over the first`]: { unit: "times", goal: { kind: "atMost", value: 1.5 } } },
  async run(engine, rounds) {
    const times: number[] = [];
    for (let index = 0; index < MANY; index++) times.push(await timed(() => engine.createNetwork(`m${index}`)));
    for (let index = 0; index < MANY; index++) await engine.call("DELETE", `/networks/m${index}`);
    return { [`network create at ${MANY}, over the first`]: median(times.slice(-rounds)) / median(times.slice(0, rounds)) };
  },
};
