import type { Difference } from "./differences.ts";
import { ANSWERS } from "./differences-answers.ts";
import { BEHAVIOURS } from "./differences-behaviour.ts";
import { FIELDS } from "./differences-fields.ts";

const HEAD = `# Differences from dockerd

Random sequences of network and container operations are played over the HTTP API (v1.41) on fairwayd and on Debian's dockerd 20.10, and every
status, network inspect, container inspect, list, wait and exec inspect is compared, ids and times aside. What is not the same is a row below, or
a failure of [the test](../test/differential/differential.live.test.ts); what such sequences do not show stands below them. Fairway follows Docker 28 where the two differ, and Docker's words for errors, which are not compared.

This file is made from the tables in test/differential by \`node test/differential/write-document.ts\`.
`;

const cell = (text: string) => text.replaceAll("|", "\\|");

const table = (title: string, theirs: string, rows: readonly Omit<Difference, "accepts">[]): string =>
  [
    `## ${title}`,
    "",
    `| where | Fairway | ${theirs} | why |`,
    "|---|---|---|---|",
    ...rows.map((row) => `| ${[row.where, row.ours, row.theirs, row.reason].map(cell).join(" | ")} |`),
    "",
  ].join("\n");

/** docs/differences.md */
export const renderDocument = (): string =>
  [
    HEAD,
    table("How requests are answered", "dockerd 20.10", ANSWERS),
    table("What inspect and list show", "dockerd 20.10", FIELDS),
    ...Object.entries(BEHAVIOURS).map(([title, rows]) => table(title, "dockerd", rows)),
  ].join("\n");

export const DOCUMENT_PATH = `${import.meta.dirname}/../../docs/differences.md`;
