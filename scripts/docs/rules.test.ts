import assert from "node:assert/strict";
import { test } from "node:test";
import { checkRoomsTable } from "./rooms-table.ts";
import { checkDecisions, findLinks, headingAnchors } from "./rules.ts";

test("`findLinks()` leaves out web addresses and code when it lists relative links", () => {
  const text = "[a](docs/a.md)\n`[b](b.md)`\n```\n[c](c.md)\n```\n[d](mailto:x) [e](#there)";
  assert.deepEqual(findLinks(text), [
    { target: "docs/a.md", line: 1 },
    { target: "#there", line: 6 },
  ]);
});

test("`headingAnchors()` makes the anchors of headings when they have punctuation", () => {
  assert.deepEqual([...headingAnchors("# Try it: by hand\n```\n# not me\n```\n## A `b`")], ["try-it-by-hand", "a-b"]);
});

test("`checkDecisions()` names what is wrong when a record has no number, a taken one, or lacks a section", () => {
  const whole = "# x\n## Context\n## Alternatives\n## Decision\n## When to revisit\n";
  assert.deepEqual(checkDecisions(new Map([["docs/decisions/001-a.md", whole]])), []);
  assert.equal(checkDecisions(new Map([["docs/decisions/a.md", whole]])).length, 1);
  assert.equal(
    checkDecisions(
      new Map([
        ["docs/decisions/001-a.md", whole],
        ["docs/decisions/001-b.md", whole],
      ]),
    ).length,
    1,
  );
  assert.deepEqual(checkDecisions(new Map([["docs/decisions/001-a.md", whole.replace("## Alternatives\n", "")]])), [
    'docs/decisions/001-a.md: no section "Alternatives"',
  ]);
});

test("`checkRoomsTable()` names the row when it says other than the rule", () => {
  const rooms = { base: { may: [] }, ports: { may: ["dns"], types: ["fabric"] } };
  const table = "| `base` | values | — |\n| `ports` | ports | `dns`, types of `fabric` |\n";
  assert.deepEqual(checkRoomsTable(table, rooms), []);
  assert.equal(checkRoomsTable(table.replace("`dns`, ", ""), rooms).length, 1);
  assert.equal(checkRoomsTable(`${table}| \`web\` | page | — |`, rooms).length, 1);
});
