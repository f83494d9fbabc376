/** `cli`: the commands of `fairway`, for what the docker CLI has no word for. */
export type { Command, CommandContext } from "./command.ts";
export { COMMANDS } from "./commands.ts";
export { commandHelp, generalHelp, usageOf } from "./help.ts";
export { type CliWorld, runCli } from "./run.ts";
