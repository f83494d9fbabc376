import { closeSync, openSync, readSync } from "node:fs";
import { invalid } from "#base";
import { findProgram } from "./runtime.ts";

const CANDIDATES = ["docker-init", "tini-static", "catatonit", "tini"];
const PT_INTERP = 3;

/** True for an ELF program that needs no loader (elf(5): no PT_INTERP segment), so that it runs in any root. */
export function isStatic(path: string): boolean {
  const head = Buffer.alloc(4096);
  const fd = openSync(path, "r");
  try {
    readSync(fd, head, 0, head.length, 0);
  } finally {
    closeSync(fd);
  }
  if (head.readUInt32BE(0) !== 0x7f454c46 || head[4] !== 2) return false;
  const [offset, size, count] = [Number(head.readBigUInt64LE(32)), head.readUInt16LE(54), head.readUInt16LE(56)];
  for (let index = 0; index < count; index++) {
    const at = offset + index * size;
    if (at + 4 <= head.length && head.readUInt32LE(at) === PT_INTERP) return false;
  }
  return true;
}

/** The program `--init` runs first. @throws invalidParameter when the host has none that is static */
export function initProgram(configured?: string): string {
  const found = configured ? [configured] : CANDIDATES.flatMap((name) => findProgram(name) ?? []);
  const usable = found.find(isStatic);
  if (usable) return usable;
  throw invalid(
    `Cannot use --init: ${found.length === 0 ? "no init program was found" : `${found.join(", ")} is not statically linked`}; install the package tini (tini-static) or name one with --init-path`,
    { code: "no-init" },
  );
}
