import { globSync } from "node:fs";

/**
 * Test classes, told apart by path:
 * - `fast`: `*.test.ts` anywhere else: pure, or quick kernel work in a namespace of its own
 * - `live`: `*.live.test.ts` and the experiments: daemons, containers, namespaces; root
 * - `vm`: `test/vm`: machines under qemu
 */
export type TestClass = "fast" | "live" | "vm";

/** Class of a test file by its path relative to the project. */
export function classOf(path: string): TestClass {
  if (path.startsWith("test/vm/")) return "vm";
  if (path.endsWith(".live.test.ts") || /^test\/experiments\/e\d/.test(path)) return "live";
  return "fast";
}

/** Test files of one class, sorted, relative to `root`. */
export function findTests(root: string, wanted: TestClass): string[] {
  return globSync("{src,bin,lab,test,scripts,bench,examples}/**/*.test.ts", { cwd: root })
    .filter((path) => classOf(path) === wanted)
    .sort();
}
