import { callFairway } from "#api";
import { columns } from "../columns.ts";
import { type Command, ExitCode, printJson } from "../command.ts";

export const networkRouteLs: Command = {
  words: ["network", "route", "ls"],
  arguments: [],
  summary: "List the routes between networks",
  description: ["Each line is a pair of networks whose containers reach one another through this host."],
  options: {},
  async run(context) {
    const answer = await callFairway(context.client, "GET /fairway/networks/routes");
    if (context.json) printJson(context, answer);
    else
      for (const line of columns(
        ["NETWORK", "NETWORK"],
        answer.routes.map(({ from, to }) => [from, to]),
      ))
        context.print(line);
    return ExitCode.fine;
  },
};
