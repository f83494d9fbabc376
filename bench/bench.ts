/**
 * `npm run bench`: Fairway beside Debian's dockerd, both with runc, each on a lab host of its own, in one run and turn by turn. Prints a table and writes it
 * as JSON.
 *   bench/bench.ts [--rounds N] [--engine fairway|dockerd]… [--out FILE] [SCENARIO]…
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { Lab } from "#lab";
import { Engine, type EngineName } from "./engine.ts";
import { type ReportRow, renderTable, reportRows } from "./report.ts";
import type { Scenario } from "./scenario.ts";
import { attachments, starts } from "./scenarios/containers.ts";
import { endpoints, idle } from "./scenarios/footprint.ts";
import { manyNetworks, networks } from "./scenarios/networks.ts";

const SCENARIOS: readonly Scenario[] = [idle, networks, attachments, starts, manyNetworks, endpoints];
/** Room for a thousand networks, for both. */
const POOL = ["--default-address-pool", "base=10.0.0.0/8,size=24"];

const { values, positionals } = parseArgs({
  options: {
    rounds: { type: "string", default: "20" },
    engine: { type: "string", multiple: true },
    out: { type: "string", default: ".cache/bench.json" },
  },
  allowPositionals: true,
});
const unknown = positionals.find((name) => !SCENARIOS.some((scenario) => scenario.name === name));
if (unknown) throw new Error(`There is no scenario "${unknown}", only ${SCENARIOS.map((scenario) => scenario.name).join(", ")}`);
const wanted = (name: EngineName) => !values.engine || values.engine.includes(name);

using lab = await Lab.create();
const engines: Engine[] = [];
for (const [index, name] of (["dockerd", "fairway"] as const).filter(wanted).entries()) {
  const host = await lab.addHost(name, { nics: [{ switch: "lan", address: `192.168.56.${11 + index}/24` }] });
  await (name === "dockerd" ? host.startDockerd(POOL) : host.startDaemon(POOL));
  await host.importBusybox();
  engines.push(new Engine(name, host));
}

const rows: ReportRow[] = [];
for (const scenario of SCENARIOS) {
  if (positionals.length > 0 && !positionals.includes(scenario.name)) continue;
  const measured = new Map<EngineName, Record<string, number>>();
  for (const engine of engines) {
    if (scenario.engines && !scenario.engines.includes(engine.name)) continue;
    console.error(`${scenario.name}: ${engine.name}`);
    measured.set(engine.name, await scenario.run(engine, Number(values.rounds)));
  }
  if (measured.size > 0) rows.push(...reportRows(scenario, measured));
}
for (const engine of engines) await engine.daemon.stop();

console.log(renderTable(rows));
mkdirSync(dirname(values.out), { recursive: true });
writeFileSync(values.out, `${JSON.stringify({ taken: new Date().toISOString(), rounds: Number(values.rounds), rows }, undefined, 2)}\n`);
process.exitCode = rows.some((row) => row.met === false) ? 1 : 0;
