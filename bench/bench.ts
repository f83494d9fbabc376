/**
 * `npm run bench`: Fairway beside Debian's dockerd, both with runc (ours with crun too), each on a lab host of its own, in one run and turn by turn.
 * Prints a table and writes it as JSON. Needs root.
 *   npm run bench -- [--only PART,PART…] [--rounds N] [--data disk|tmpfs] [--out FILE] [--markdown FILE]
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { Lab } from "#lab";
import { requireRoot } from "../scripts/require-root.ts";
import { startEngines } from "./engines.ts";
import type { Part, Samples } from "./part.ts";
import { PARTS } from "./parts.ts";
import { type ReportRow, renderTable, reportRows } from "./report.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    rounds: { type: "string", default: "20" },
    data: { type: "string", default: "disk" },
    out: { type: "string", default: `${import.meta.dirname}/results/latest.json` },
    markdown: { type: "string" },
  },
});

function chosen(): readonly Part[] {
  if (!values.only) return PARTS;
  return values.only.split(",").map((name) => {
    const part = PARTS.find((each) => each.name === name);
    if (!part) throw new Error(`There is no part "${name}", only ${PARTS.map((each) => each.name).join(", ")}`);
    return part;
  });
}

requireRoot("Cannot run the bench: it makes network namespaces and containers");
const parts = chosen();
const rows: ReportRow[] = [];
const failures: string[] = [];
const taken = new Date().toISOString();
{
  await using lab = await Lab.create();
  const engines = await startEngines(lab, values.data === "tmpfs");
  for (const part of parts) {
    const samples: Samples = new Map();
    const started = performance.now();
    try {
      await part.run({
        ...{ lab, engines, rounds: Number(values.rounds) },
        record: (row, engine, value) => {
          const list = samples.get(row) ?? new Map();
          samples.set(row, list.set(engine, [...(list.get(engine) ?? []), value]));
        },
      });
    } catch (error) {
      // The other parts still tell something.
      failures.push(`${part.name}: ${error instanceof Error ? error.message : String(error)}`);
      console.error(error);
    }
    const measured = reportRows(part, samples);
    rows.push(...measured);
    console.error(`\n${part.name} (${((performance.now() - started) / 1000).toFixed(0)} s)\n${renderTable(measured)}`);
  }
  for (const engine of engines) await engine.daemon.stop().catch((error: unknown) => console.error(error));
}

console.log(`\n${renderTable(rows)}`);
const machine = { cpus: cpus().length, model: cpus()[0]?.model, memory: totalmem(), kernel: release() };
const result = { taken, rounds: Number(values.rounds), data: values.data, machine, failures, rows };
mkdirSync(dirname(values.out), { recursive: true });
writeFileSync(values.out, `${JSON.stringify(result, undefined, 2)}\n`);
if (values.markdown) writeFileSync(values.markdown, `${renderTable(rows, true)}\n`);
for (const failure of failures) console.log(`NOT MEASURED  ${failure}`);
process.exitCode = failures.length > 0 || rows.some((row) => row.met === false) ? 1 : 0;
