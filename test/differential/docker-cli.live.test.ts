import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Host, Lab } from "#lab";
import { withoutDockerd20 as skip } from "../dockerd.ts";
import { CLI_LINES } from "./cli-lines.ts";

/** Ids and times are each daemon's own. */
const plain = (text: string) =>
  text
    .replace(/\b[0-9a-f]{64}\b/g, "<id>")
    .replace(/\b[0-9a-f]{12}\b/g, "<short id>")
    .trimEnd();

/** What a line did, told so that two daemons can be compared. Words of errors are not: they differ between Docker's versions too. */
async function typed(host: Host, line: string): Promise<string> {
  const { code, stdout } = await host.docker(line, { allowFailure: true, timeout: 60_000 });
  return `exit ${code}\n${plain(stdout)}`;
}

describe("the docker CLI's lines do and print the same on fairwayd and on dockerd", { skip }, () => {
  let lab: Lab;
  before(async () => {
    lab = await Lab.create({ hosts: ["ours", "theirs"] });
    const [ours, theirs] = [lab.host("ours"), lab.host("theirs")];
    await Promise.all([ours.startDaemon(), theirs.startDockerd()]);
    await Promise.all([ours.importBusybox(), theirs.importBusybox()]);
  });
  after(() => lab?.dispose());

  for (const [what, lines] of Object.entries(CLI_LINES))
    it(what, async () => {
      const differences: string[] = [];
      for (const line of lines) {
        const [ours, theirs] = await Promise.all([typed(lab.host("ours"), line), typed(lab.host("theirs"), line)]);
        if (ours !== theirs) differences.push(`docker ${line}\n--- ours: ${ours}\n--- dockerd: ${theirs}`);
      }
      assert.equal(differences.length, 0, differences.join("\n\n"));
    });
});
