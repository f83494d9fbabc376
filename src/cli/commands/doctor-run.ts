import { callFairway, type FairwayCheck } from "#api";
import { FairwayError, messageOf } from "#base";
import { wrap } from "../columns.ts";
import { type Command, type CommandContext, ExitCode, printJson } from "../command.ts";

export const doctorRun: Command = {
  words: ["doctor"],
  arguments: [],
  summary: "Examine the host: kernel, packages, firewall, leftovers; each with the way out",
  description: [
    "Asks the daemon, which also knows what should be there. Without a daemon the host is examined all the same, by this program, which then needs root. " +
      "Nothing on the host is changed: kernel features are tried in a network namespace that ends with the check.",
    "Exits with 1 when a check fails; warnings alone are 0.",
  ],
  options: { quiet: { type: "boolean", short: "q", help: "Show warnings and failures only" } },
  async run(context, { options }) {
    const { checks, daemon } = await examine(context);
    const failed = checks.filter(({ status }) => status === "fail").length;
    const warned = checks.filter(({ status }) => status === "warn").length;
    if (context.json) printJson(context, { daemon, checks });
    else {
      for (const check of checks) if (options.quiet !== true || check.status !== "ok") printCheck(context, check);
      context.print(`${checks.length} checks: ${failed} failed, ${warned} warnings`);
    }
    return failed === 0 ? ExitCode.fine : ExitCode.problems;
  },
};

async function examine(context: CommandContext): Promise<{ checks: readonly FairwayCheck[]; daemon: boolean }> {
  try {
    return { ...(await callFairway(context.client, "GET /fairway/doctor")), daemon: true };
  } catch (error) {
    const finding = doctorless(error, context.host);
    if (finding === undefined) throw error;
    const wayOut = "start fairwayd, or name its socket with -H; what only the daemon knows (drift, leaked mounts) was not examined";
    const absent: FairwayCheck = { name: "daemon", status: "warn", finding, wayOut };
    return { checks: [absent, ...(await context.checkHost())], daemon: false };
  }
}

/** What is at the socket, when it is no Fairway. */
function doctorless(error: unknown, host: string): string | undefined {
  if (!(error instanceof FairwayError)) return undefined;
  if (error.code === "no-daemon") return messageOf(error);
  return error.category === "notFound" || error.category === "invalidParameter"
    ? `What serves ${host} is not Fairway: ${messageOf(error)}.`
    : undefined;
}

const MARKS = { ok: "ok  ", warn: "WARN", fail: "FAIL" } as const;

function printCheck(context: CommandContext, { name, status, finding, wayOut }: FairwayCheck): void {
  const [first = "", ...rest] = wrap(finding, "      ", 120);
  context.print(`${MARKS[status]}  ${name}: ${first.trimStart()}`);
  for (const line of rest) context.print(line);
  // Commands are left in one piece, to be copied.
  for (const line of wayOut === "" ? [] : wayOut.split("\n")) context.print(`      → ${line}`);
}
