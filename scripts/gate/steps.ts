import { spawnSync } from "node:child_process";

export interface Step {
  readonly name: string;
  readonly command: readonly string[];
}

/** Everything the gate proves without running a test, in the order of how quickly it tells. */
export const STATIC_STEPS: readonly Step[] = [
  { name: "format and lint", command: ["node_modules/.bin/biome", "check", "--colors=off", "--max-diagnostics=50", "."] },
  { name: "rooms", command: [process.execPath, "scripts/check-rooms.ts"] },
  { name: "docs", command: [process.execPath, "scripts/check-docs.ts"] },
  { name: "types", command: ["node_modules/.bin/tsc", "-p", "."] },
];

/** Runs the static steps, all of them even when one fails. @returns names of those that failed */
export function runStaticSteps(root: string, write: (line: string) => void): string[] {
  const failed: string[] = [];
  for (const step of STATIC_STEPS) {
    const started = performance.now();
    const [program = "", ...args] = step.command;
    const result = spawnSync(program, args, { cwd: root, encoding: "utf8", timeout: 300_000 });
    const ok = result.status === 0;
    write(`${ok ? "ok  " : "FAIL"} ${step.name}  ${((performance.now() - started) / 1000).toFixed(1)} s`);
    if (ok) continue;
    failed.push(step.name);
    write(`${result.stdout}${result.stderr}${result.error ?? ""}`.trimEnd().replace(/^/gm, "    "));
  }
  return failed;
}
