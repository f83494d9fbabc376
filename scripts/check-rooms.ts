/** Proves the house rules of design and style on every TypeScript file; see scripts/rooms. */
import { globSync, readFileSync } from "node:fs";
import { checkFile } from "./rooms/rules.ts";

const root = `${import.meta.dirname}/..`;
const paths = globSync("{src,bin,lab,test,scripts,bench,examples}/**/*.ts", { cwd: root }).sort();
const violations = paths.flatMap((path) => checkFile(path, readFileSync(`${root}/${path}`, "utf8")));
for (const { path, line, message } of violations) console.log(`${path}:${line}: ${message}`);
console.log(`${paths.length} files, ${violations.length} violations`);
process.exitCode = violations.length > 0 ? 1 : 0;
