import assert from "node:assert/strict";
import { type End, parseGrid, pingMatrix } from "#lab";
import { FAMILIES, type Family } from "../experiments/reach.ts";
import type { VmHost, VmStage } from "./engine.ts";

/** Pings every pair of a grid's stations and compares cell by cell. @throws AssertionError with the whole grid */
export type Reach = (grid: string, what: string, families?: readonly Family[]) => Promise<void>;

/**
 * Stations are hosts and containers by name. A container is on the host of its first digit (c11 on h1, c21 on h2) unless `hostOf` says otherwise.
 * Both families are pinged at the same time: what takes long is waiting for answers that must not come.
 */
export function reachAmong(
  stage: VmStage,
  address: (station: string, family: Family) => string,
  hostOf: (station: string) => VmHost = (station) => (station[1] === "1" ? stage.h1 : stage.h2),
): Reach {
  return async (grid, what, families = FAMILIES) => {
    const stations = [...parseGrid(grid).keys()];
    const isHost = (station: string) => stage.hosts.some(({ name }) => name === station);
    const inside = await Promise.all(
      stage.hosts.map((host) => host.pids(stations.filter((station) => !isHost(station) && hostOf(station) === host))),
    );
    const pids = new Map(inside.flatMap((each) => [...each]));
    const runs = new Map(stage.hosts.map((host) => [host, sideBySide(host)]));
    const end = (station: string, family: Family): End => ({
      name: station,
      address: address(station, family),
      run: (script) =>
        runs.get(hostOf(station))!(isHost(station) ? script : `nsenter -t ${pids.get(station)} -n sh <<'SCRIPT'\n${script}\nSCRIPT`),
    });
    const matrices = await Promise.all(
      families.map(async (family) => {
        const ends = stations.map((station) => end(station, family));
        return { family, matrix: await pingMatrix(ends, { expected: grid }) };
      }),
    );
    for (const { family, matrix } of matrices) assert.deepEqual(matrix.differences(grid), [], `${what}, IPv${family}\n${matrix.render()}`);
  };
}

const MARK = "\u0001";

/** Runs scripts that come in the same moment in one call into the machine, side by side: each call costs it a fifth of a second. */
function sideBySide(host: VmHost): (script: string) => Promise<string> {
  let scripts: string[] = [];
  let outputs: Promise<string[]> | undefined;
  return async (script) => {
    const index = scripts.push(script) - 1;
    outputs ??= Promise.resolve().then(async () => {
      const jobs = scripts.map((each, job) => `(\n${each}\n) >/run/side-by-side.${job} &`);
      const prints = scripts.map((_, job) => `cat /run/side-by-side.${job}; printf '${MARK}'`);
      [scripts, outputs] = [[], undefined];
      return (await host.sh([...jobs, "wait", ...prints].join("\n"))).split(MARK);
    });
    return (await outputs)[index] ?? "";
  };
}
