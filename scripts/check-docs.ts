/** Proves that relative links and anchors in Markdown lead somewhere, and that decision records are numbered and complete. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { checkRoomsTable } from "./docs/rooms-table.ts";
import { checkDecisions, findLinks, headingAnchors } from "./docs/rules.ts";
import { ROOMS } from "./rooms/table.ts";

const root = `${import.meta.dirname}/..`;
const paths = globSync("{*.md,{docs,lab,bench,examples,test,src}/**/*.md}", { cwd: root }).sort();
const problems: string[] = [];
const read = (path: string) => readFileSync(`${root}/${path}`, "utf8");

for (const path of paths) {
  for (const { target, line } of findLinks(read(path))) {
    const [file = "", anchor] = target.split("#");
    const from = path.includes("/") ? path.slice(0, path.lastIndexOf("/") + 1) : "";
    const resolved = file === "" ? path : from + decodeURIComponent(file);
    if (!existsSync(`${root}/${resolved}`)) problems.push(`${path}:${line}: link to ${target}, which is not there`);
    else if (anchor && resolved.endsWith(".md") && !headingAnchors(read(resolved)).has(anchor))
      problems.push(`${path}:${line}: link to ${target}, where no heading has that anchor`);
  }
}
problems.push(...checkDecisions(new Map(globSync("docs/decisions/*", { cwd: root }).map((path) => [path, read(path)]))));
problems.push(...checkRoomsTable(read("docs/architecture.md"), ROOMS).map((problem) => `docs/architecture.md: ${problem}`));

for (const problem of problems) console.log(problem);
console.log(`${paths.length} documents, ${problems.length} problems`);
process.exitCode = problems.length > 0 ? 1 : 0;
