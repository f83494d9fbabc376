import { type FairwayDnsQuery, streamFairway } from "#api";
import { type Command, ExitCode, usage } from "../command.ts";

export const dnsLog: Command = {
  words: ["dns", "log"],
  arguments: ["CONTAINER"],
  summary: "Show a container's DNS queries as they are answered",
  description: [
    "From now on, through restarts of the container, until interrupted. Queries are those to the embedded DNS at 127.0.0.11, which containers on user-defined " +
      "networks have. Nothing is kept, and nothing is spent, while nobody looks.",
  ],
  options: { count: { type: "string", short: "n", word: "N", help: "Stop after N queries" } },
  async run(context, { options, arguments: [container = ""] }) {
    const count = options.count === undefined ? Number.POSITIVE_INFINITY : Number(options.count);
    if (!(count >= 1) || (count !== Number.POSITIVE_INFINITY && !Number.isInteger(count)))
      throw usage(`--count ${options.count} is no number of queries: want 1 or more`);
    let seen = 0;
    for await (const query of streamFairway(context.client, "GET /fairway/dns/log", { container })) {
      context.print(context.json ? JSON.stringify(query) : lineOf(query));
      if (++seen >= count) return ExitCode.fine;
    }
    context.complain("fairway: the daemon has ended the log");
    return ExitCode.problems;
  },
};

function lineOf({ time, type, rcode, answers, milliseconds, name, upstream }: FairwayDnsQuery): string {
  const clock = time.slice(time.indexOf("T") + 1).replace("Z", "");
  const took = `${milliseconds.toFixed(1)} ms`;
  return [
    clock,
    type.padEnd(5),
    rcode.padEnd(8),
    String(answers).padStart(2),
    took.padEnd(8),
    name.padEnd(26),
    upstream ?? "(Fairway)",
  ].join("  ");
}
