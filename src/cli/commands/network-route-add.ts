import { callFairway } from "#api";
import { type Command, ExitCode, printJson } from "../command.ts";

export const networkRouteAdd: Command = {
  words: ["network", "route", "add"],
  arguments: ["NETWORK", "NETWORK"],
  summary: "Join two networks of this host by a route through it",
  description: [
    "Containers of each network reach those of the other, both ways, as through a router: the host forwards between its own addresses on the two. " +
      "Without such a route nothing passes from one network to another but through published ports.",
    "A macvlan or ipvlan network needs -o fairway.host_access=true, which gives the host an address on it. The route stays until it is removed, or one of the networks is.",
  ],
  options: {},
  async run(context, { arguments: [from = "", to = ""] }) {
    const answer = await callFairway(context.client, "POST /fairway/networks/routes", { from, to });
    if (context.json) printJson(context, answer);
    return ExitCode.fine;
  },
};
