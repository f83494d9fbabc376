/** Makes anew what docs/reference has from the program's own tables. */
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { withMadeParts } from "./docs/reference.ts";

const root = `${import.meta.dirname}/..`;
for (const path of globSync("docs/reference/*.md", { cwd: root })) {
  const before = readFileSync(`${root}/${path}`, "utf8");
  const after = withMadeParts(before);
  if (after !== before) writeFileSync(`${root}/${path}`, after);
  console.log(`${after === before ? "is current" : "made anew"}: ${path}`);
}
