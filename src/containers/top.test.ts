import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "node:test";
import type { Container } from "./container.ts";
import type { Context } from "./context.ts";
import { topJson } from "./top.ts";

test("`topJson()` finds its processes on a host with thousands of others", async (t) => {
  const directory = mkdtempSync(`${tmpdir()}/top-`);
  const path = process.env.PATH;
  t.after(() => {
    process.env.PATH = path;
    rmSync(directory, { recursive: true });
  });
  const others = Array.from({ length: 3000 }, (_, index) => `${index + 10} conmon ${"x".repeat(1000)}\n`);
  writeFileSync(`${directory}/table`, `PID CMD\n${others.join("")}7 sleep 1000\n`);
  writeFileSync(`${directory}/ps`, `#!/bin/sh\ncat ${directory}/table\n`, { mode: 0o755 });
  process.env.PATH = `${directory}:${path}`;
  const container = { id: "c", up: true, record: { id: "c", pid: 7, restarting: false, hostConfig: {} } };
  const context = { cgroups: "v1", defaults: {} };
  assert.deepEqual(await topJson(context as unknown as Context, container as unknown as Container, ""), {
    Titles: ["PID", "CMD"],
    Processes: [["7", "sleep 1000"]],
  });
});
