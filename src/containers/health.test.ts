import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container } from "./container.ts";
import type { Context } from "./context.ts";
import type { Execs } from "./exec.ts";
import { durationText, HealthChecks } from "./health.ts";
import type { Healthcheck } from "./types.ts";

const SECOND = 1_000_000_000;

/** A running container without a process; `probes` says when each check began, in ms, and what it prints. */
function stage(check: Healthcheck, output: readonly string[] = ["fine"]) {
  const exits: (() => void)[] = [];
  const fake = {
    up: true,
    record: { phase: "running", config: { Healthcheck: { Test: ["CMD", "check"], ...check } } },
    onExit: (listener: () => void) => exits.push(listener),
  };
  const probes: number[] = [];
  let killed = () => {};
  const execs = {
    create: () => ({ id: "exec", exitCode: 0 }),
    start: async () => {
      probes.push(Date.now());
      return {
        output: (async function* () {
          for (const text of output) {
            if (text === "hang") await new Promise<void>((resolve) => (killed = resolve));
            else yield { stream: "stdout", data: Buffer.from(text) };
          }
        })(),
      };
    },
    kill: () => killed(),
    drop: () => {},
  };
  const context = { emit: () => {} };
  const container = fake as unknown as Container;
  const checks = new HealthChecks(context as unknown as Context, execs as unknown as Execs);
  const end = () => {
    fake.up = false;
    for (const listener of exits.splice(0)) listener();
  };
  return { container, checks, probes, end, start: () => (fake.up = true), release: () => killed() };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test("`HealthChecks` looks every start interval while the container starts, then every interval", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const { container, checks, probes } = stage({ Interval: 10 * SECOND, StartPeriod: 60 * SECOND, StartInterval: 2 * SECOND });
  checks.watch(container);
  for (let second = 0; second < 13; second++) {
    t.mock.timers.tick(1000);
    await settle();
  }
  assert.deepEqual(probes, [2000, 12_000]);
  assert.equal(container.health?.Status, "healthy");
});

test("`HealthChecks` keeps the first 4096 bytes of what a check prints", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { container, checks } = stage({ Interval: SECOND }, Array(1000).fill("x".repeat(1000)));
  checks.watch(container);
  t.mock.timers.tick(1000);
  while (container.health?.Log.length !== 1) await settle();
  assert.equal(container.health.Log[0]!.Output, `${"x".repeat(4096)}...`);
});

test("`HealthChecks` ends a check that takes too long, and says so as Docker does", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { container, checks } = stage({ Interval: SECOND, Timeout: 90 * SECOND }, ["begun", "hang"]);
  checks.watch(container);
  t.mock.timers.tick(1000);
  await settle();
  t.mock.timers.tick(90_000);
  while (container.health?.Log.length !== 1) await settle();
  const { ExitCode, Output } = container.health.Log[0]!;
  assert.deepEqual([ExitCode, Output], [-1, "Health check exceeded timeout (1m30s): begun"]);
});

test("`HealthChecks` calls an ended container unhealthy, and keeps its log over the next start", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { container, checks, end, start } = stage({ Interval: SECOND });
  checks.watch(container);
  t.mock.timers.tick(1000);
  while (container.health?.Status !== "healthy") await settle();
  end();
  assert.deepEqual([container.health.Status, container.health.Log.length], ["unhealthy", 1]);
  start();
  checks.watch(container);
  assert.deepEqual([container.health.Status, container.health.Log.length], ["starting", 1]);
});

test("`HealthChecks` does not count a check of the last run for the next", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { container, checks, end, start, release } = stage({ Interval: SECOND }, ["hang"]);
  checks.watch(container);
  t.mock.timers.tick(1000);
  await settle();
  end();
  start();
  checks.watch(container);
  release();
  await settle();
  assert.deepEqual(container.health?.Log, []);
});

test("`durationText()` writes durations as Go does", () => {
  for (const [ms, text] of [
    [30_000, "30s"],
    [500, "500ms"],
    [1500, "1.5s"],
    [90_000, "1m30s"],
    [3_600_000, "1h0m0s"],
  ] as const)
    assert.equal(durationText(ms), text);
});
