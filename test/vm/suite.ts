/** All VM tests in one process, so that the machines boot once; `npm test` runs this. */
import { globSync } from "node:fs";

for (const file of globSync("*.test.ts", { cwd: import.meta.dirname }).sort()) await import(`./${file}`);
