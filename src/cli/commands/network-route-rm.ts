import { callFairway } from "#api";
import { type Command, ExitCode, printJson } from "../command.ts";

export const networkRouteRm: Command = {
  words: ["network", "route", "rm"],
  arguments: ["NETWORK", "NETWORK"],
  summary: "Remove the route between two networks",
  description: ["Takes back what `fairway network route add` made. The order of the two does not matter."],
  options: {},
  async run(context, { arguments: [from = "", to = ""] }) {
    const answer = await callFairway(context.client, "DELETE /fairway/networks/routes", { from, to });
    if (context.json) printJson(context, answer);
    return ExitCode.fine;
  },
};
