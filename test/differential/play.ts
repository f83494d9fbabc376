/**
 * Plays sequences and prints every difference the table does not explain:
 *   FAIRWAY_SEED=1 FAIRWAY_SEQUENCES=10 node test/differential/play.ts [--brief]
 */
import { arena } from "./arena.ts";
import { DIFFERENCES } from "./differences.ts";
import { Duel, type Finding, report } from "./duel.ts";
import { describe } from "./operation.ts";
import { planFromEnvironment, sequencesOf } from "./plan.ts";

const plan = planFromEnvironment(10);
const verbose = process.env.FAIRWAY_VERBOSE !== undefined;

const { lab, ours, theirs } = await arena();
try {
  const duel = new Duel(ours, theirs);
  const findings: Finding[] = [];
  let operations = 0;
  let cut = 0;
  const started = performance.now();
  for (const [seed, list] of sequencesOf(plan)) {
    if (verbose) for (const [step, operation] of list.entries()) console.log(`  ${step}  ${describe(operation)}`);
    const result = await duel.play(seed, list);
    findings.push(...result.findings);
    operations += result.operations;
    cut += Number(result.cut);
  }
  const groups = Map.groupBy(
    findings,
    ({ operation, path, ours, theirs }) =>
      `${operation.kind}|${path.replace(/\[\d+\]|<[CN]\d+>/g, "*")}|${path === "status" ? `${ours}/${theirs}` : ""}`,
  );
  for (const [key, list] of [...groups].sort(([, a], [, b]) => b.length - a.length))
    console.log(`${list.length} × ${key}\n   ${report(list[0]!)}`);
  for (const [what, [mine, others]] of duel.times) console.log(`${what}: ours ${mine.toFixed(0)} ms, theirs ${others.toFixed(0)} ms`);
  for (const difference of DIFFERENCES) console.log(`${duel.used.get(difference) ?? 0} uses: ${difference.where}`);
  console.log(
    `${plan.count} sequences from seed ${plan.first} and the corner cases, ${operations} operations, ${cut} cut short, ${findings.length} unexplained, ${((performance.now() - started) / 1000).toFixed(1)} s`,
  );
} finally {
  lab.dispose();
}
