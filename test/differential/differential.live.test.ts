import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { withoutDockerd20 as skip } from "../dockerd.ts";
import { arena } from "./arena.ts";
import { Duel, report } from "./duel.ts";
import { planFromEnvironment, sequencesOf } from "./plan.ts";

const plan = planFromEnvironment(40);

describe(`fairwayd beside dockerd, ${plan.count} random sequences from seed ${plan.first}`, { skip }, () => {
  let stage: Awaited<ReturnType<typeof arena>>;
  let duel: Duel;
  before(async () => {
    stage = await arena();
    duel = new Duel(stage.ours, stage.theirs);
  });
  after(() => stage?.lab.dispose());

  it("answers every request with the same status and the same normalized body, but for docs/differences.md", async (t) => {
    let operations = 0;
    let cut = 0;
    const found: string[] = [];
    for (const [seed, list] of sequencesOf(plan)) {
      const result = await duel.play(seed, list);
      operations += result.operations;
      cut += Number(result.cut);
      found.push(...result.findings.map(report));
    }
    t.diagnostic(`${operations} operations compared; ${cut} sequences ended early by a row of the table that only one daemon survives`);
    assert.equal(
      found.length,
      0,
      `${found.length} differences that docs/differences.md does not explain:\n${found.slice(0, 20).join("\n")}`,
    );
    assert.ok(operations > 10 * plan.count);
  });

  it("leaves nothing behind", async () => {
    const { lab } = stage;
    const { links, namespaces } = await lab.host("ours").state();
    assert.deepEqual(
      links.filter((link) => /^(veth|br-)/.test(link)),
      [],
    );
    assert.equal(namespaces.length, 1, namespaces.join(" "));
  });
});
