import { median, timed } from "../measure.ts";
import { onRunc, type Part } from "../part.ts";

const MANY = 1000;
/** dockerd's iptables rules grow with every network; it is asked for so many. */
const FEW = 60;

/** Networks are made one after another and stay: what does the next one cost? */
export const scale: Part = {
  name: "scale",
  rows: {
    [`network create at ${MANY} (dockerd: at ${FEW})`]: { unit: "ms" },
    [`network create at ${MANY}, over the first (dockerd: at ${FEW})`]: { unit: "times", goal: { atMost: 1.5 } },
    [`network rm at ${MANY}, one right after another (dockerd: at ${FEW})`]: { unit: "ms" },
  },
  async run({ engines, record }) {
    for (const engine of onRunc(engines)) {
      const total = engine.name === "dockerd" ? FEW : MANY;
      const sample = total / 20;
      for (let index = 0; index < 5; index++) await engine.createNetwork(`warm${index}`);
      for (let index = 0; index < 5; index++) await engine.call("DELETE", `/networks/warm${index}`);
      const creates: number[] = [];
      for (let index = 0; index < total; index++) creates.push(await timed(() => engine.createNetwork(`m${index}`)));
      const last = creates.slice(-sample);
      for (const time of last) record(`network create at ${MANY} (dockerd: at ${FEW})`, engine.name, time);
      record(
        `network create at ${MANY}, over the first (dockerd: at ${FEW})`,
        engine.name,
        median(last) / median(creates.slice(0, sample)),
      );
      for (let index = 0; index < total; index++) {
        const remove = await timed(() => engine.call("DELETE", `/networks/m${index}`));
        if (index < sample) record(`network rm at ${MANY}, one right after another (dockerd: at ${FEW})`, engine.name, remove);
      }
    }
  },
};
