import { callFairway } from "#api";
import { type Command, ExitCode, printJson } from "../command.ts";

export const versionShow: Command = {
  words: ["version"],
  arguments: [],
  summary: "Show the versions of this program and of the daemon",
  description: ["Without a daemon it shows this program's own version, says so, and exits with 1."],
  options: {},
  async run(context) {
    const own = { version: context.version, node: process.version };
    const lines = (title: string, facts: readonly (readonly [string, string])[]) => {
      context.print(`${title}:`);
      for (const [name, value] of facts) context.print(` ${`${name}:`.padEnd(18)}${value}`);
    };
    const showOwn = () =>
      lines("Client", [
        ["Version", own.version],
        ["Node", own.node],
        ["Host", context.host],
      ]);
    try {
      const daemon = await callFairway(context.client, "GET /fairway/version");
      if (context.json) printJson(context, { client: own, daemon });
      else {
        showOwn();
        lines("Daemon", [
          ["Version", daemon.version],
          ["API version", `${daemon.apiVersion} (minimum ${daemon.minApiVersion})`],
          ["Node", daemon.node],
          ["Kernel", daemon.kernel],
          ["Architecture", daemon.arch],
          ...daemon.components.map(({ name, version }) => [name, version] as const),
          ["Data root", daemon.dataRoot],
          ["Exec root", daemon.execRoot],
          ["PID", String(daemon.pid)],
        ]);
      }
      return ExitCode.fine;
    } catch (error) {
      if (context.json) printJson(context, { client: own, daemon: null });
      else showOwn();
      throw error;
    }
  },
};
