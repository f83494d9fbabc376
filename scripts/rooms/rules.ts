import { posix } from "node:path";
import { blankComments, findImports, type ImportSite } from "./imports.ts";
import { FFI_ROOM, MAY_START_PROCESSES, ROOMS, roomOf } from "./table.ts";

export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

/** Longest file without a reason at its top, in lines. */
export const LONGEST_FILE = 400;
const REASON = /\bLength:\s*\S{3,}/;

/** Tests, and what only tests use: `testing.ts`, `testing/`, `fakes/`, `*-lab.ts`, `*-child.ts` (a program a test kills), a store's `compliance.ts`. */
const isTest = (path: string) => /\.test\.ts$|\/(testing|fakes)\/|\/(testing|compliance|[a-z-]+-(lab|child))\.ts$/.test(path);

/** House rules that one file can break. `path` is relative to the project. */
export function checkFile(path: string, source: string): Violation[] {
  const violations: Violation[] = [];
  const report = (line: number, message: string) => violations.push({ path, line, message });
  for (const site of findImports(source)) {
    const message = importProblem(path, site);
    if (message) report(site.line, message);
  }
  const lines = source.split("\n");
  if (lines.length - 1 > LONGEST_FILE && !REASON.test(lines.slice(0, 15).join("\n")))
    report(1, `${lines.length - 1} lines: split it below ${LONGEST_FILE}, or say why not in a comment at the top ("Length: reason")`);
  checkSyntax(path, source, report);
  if (!/(^|\/)[a-z0-9]+(-[a-z0-9]+)*(\.live)?(\.test)?\.ts$/.test(path)) report(1, "file names are kebab-case");
  return violations;
}

function importProblem(path: string, { specifier, typeOnly }: ImportSite): string | undefined {
  const room = roomOf(path);
  if (/^(node:)?child_process$/.test(specifier)) {
    if (room !== undefined && !isTest(path) && !MAY_START_PROCESSES.includes(room))
      return `room ${room} starts processes; only bin, ${MAY_START_PROCESSES.join(" and ")} may`;
    return undefined;
  }
  if (specifier === "koffi" && room !== FFI_ROOM) return `koffi is loaded in ${FFI_ROOM} only`;
  if (specifier.startsWith(".")) return relativeProblem(path, room, specifier);
  if (!specifier.startsWith("#")) return foreignProblem(specifier);
  return doorProblem(path, room, specifier.slice(1), typeOnly);
}

function relativeProblem(path: string, room: string | undefined, specifier: string): string | undefined {
  if (!specifier.endsWith(".ts") && !/\.(json|mjs)$/.test(specifier)) return `import of "${specifier}" without its .ts extension`;
  const target = posix.join(posix.dirname(path), specifier);
  const targetRoom = roomOf(target);
  if (targetRoom === room && (room !== undefined || !target.startsWith("src/"))) return undefined;
  // A room's fakes are there for those who test or measure from outside, too.
  if (target.endsWith("/testing.ts") && (room === undefined || isTest(path))) return undefined;
  return `import of "${specifier}" goes into ${targetRoom ?? "another folder"} past its door: use #${targetRoom ?? "…"}`;
}

function foreignProblem(specifier: string): string | undefined {
  const known = specifier.startsWith("node:") || specifier === "koffi" || specifier === "node";
  return known ? undefined : `"${specifier}" is neither a room, a node: module nor a dependency with a decision record`;
}

function doorProblem(path: string, room: string | undefined, target: string, typeOnly: boolean): string | undefined {
  if (target === "lab") return room === undefined || isTest(path) ? undefined : "only tests, benches and examples use the lab";
  if (!Object.hasOwn(ROOMS, target)) return `there is no room "${target}"`;
  if (room === undefined || room === target || target === "base") {
    return room === "base" && target !== "base" ? "base imports nothing" : undefined;
  }
  // A test may stand up what its room is used with, as the composition root does.
  if (isTest(path)) return undefined;
  const rule = ROOMS[room];
  if (!rule) return `room "${room}" has no row in scripts/rooms/table.ts`;
  if (rule.may.includes(target)) return undefined;
  if (rule.types?.includes(target)) return typeOnly ? undefined : `${room} may import ${target}'s types only: use \`import type\``;
  return `${room} may not import ${target}`;
}

const BANNED: readonly (readonly [RegExp, string])[] = [
  [/^\s*(export\s+)?(declare\s+)?(const\s+)?enum\s+\w/, "no enum: an `as const` object with a type of the same name"],
  [/^\s*(export\s+)?(declare\s+)?namespace\s+\w/, "no namespace"],
  [/^\s*@\w+(\(.*\))?\s*$/, "no decorator"],
  [/\bconstructor\((?:[^)]*[(,])?\s*(private|public|protected|readonly)\s+\w+\s*[?:]/, "no parameter property"],
  [/^\s*private\s+(?!constructor\b)\w/, "no private: #private"],
];

function checkSyntax(path: string, source: string, report: (line: number, message: string) => void): void {
  const product = roomOf(path) !== undefined && !isTest(path);
  blankComments(source, true)
    .split("\n")
    .forEach((text, index) => {
      for (const [pattern, message] of BANNED) if (pattern.test(text)) report(index + 1, message);
      if (product && /^(export\s+)?(let|var)\s/.test(text)) report(index + 1, "no module-level mutable state");
    });
}
