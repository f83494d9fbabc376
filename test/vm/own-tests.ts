import assert from "node:assert/strict";
import { dirname } from "node:path";
import type { Machine } from "#lab";

const project = dirname(dirname(import.meta.dirname));

/** Runs test files of the project's own on a machine, that is on Debian's kernel with those modules: all must pass, none be skipped. */
export async function passOn(machine: Machine, modules: string, ...files: readonly string[]): Promise<void> {
  const run = `cd ${project} && ${process.execPath} --test --test-reporter=tap ${files.join(" ")}`;
  const { code, stdout, stderr } = await machine.exec(`modprobe -a ${modules}; ${run}`, { timeout: 450_000, allowFailure: true });
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  assert.match(stdout, /# skipped 0/);
}
