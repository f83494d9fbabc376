import { callFairway, type FairwayDrift } from "#api";
import { columns } from "../columns.ts";
import { type Command, type CommandContext, ExitCode, printJson } from "../command.ts";

export const driftShow: Command = {
  words: ["drift"],
  arguments: [],
  summary: "Show where the kernel differs from what the networks want, and repair it",
  description: [
    "Compares every link, address, route, neighbour, sysctl and nftables element that the daemon wants with what the kernel has. " +
      "`missing`: it is not there; `different`: it is there with other attributes; `stray`: it carries Fairway's mark and nobody wants it.",
    "The daemon repairs by itself what it sees change. Exits with 1 when there is drift, or with --repair when some is left.",
  ],
  options: { repair: { type: "boolean", help: "Put right what is found" } },
  async run(context, { options }) {
    if (options.repair === true) {
      const result = await callFairway(context.client, "POST /fairway/drift/repair");
      if (context.json) printJson(context, result);
      else {
        context.print(result.repaired.length === 0 ? "No drift." : `Repaired ${objects(result.repaired)}:`);
        list(context, result.repaired);
        if (result.left.length > 0)
          context.print(`Left, because it could not be repaired (the daemon's log says why): ${objects(result.left)}:`);
        list(context, result.left);
      }
      return result.left.length === 0 ? ExitCode.fine : ExitCode.problems;
    }
    const report = await callFairway(context.client, "GET /fairway/drift");
    if (context.json) printJson(context, report);
    else if (report.drift.length === 0) context.print("No drift: the kernel has what the networks want.");
    else {
      list(context, report.drift);
      context.print(`${objects(report.drift)} drifted. To put them right: fairway drift --repair`);
    }
    return report.drift.length === 0 ? ExitCode.fine : ExitCode.problems;
  },
};

const objects = (drift: readonly FairwayDrift[]): string => `${drift.length} object${drift.length === 1 ? "" : "s"}`;

function list(context: CommandContext, drift: readonly FairwayDrift[]): void {
  if (drift.length === 0) return;
  const rows = drift.map(({ kind, wantedBy, description }) => [kind, wantedBy.join(", ") || "nobody", description]);
  for (const line of columns(["STATE", "WANTED BY", "OBJECT"], rows)) context.print(line);
}
