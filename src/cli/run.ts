import { parseArgs } from "node:util";
import { Client, type FairwayCheck } from "#api";
import { FairwayError, messageOf } from "#base";
import type { Command } from "./command.ts";
import { type CommandContext, type CommandInput, ExitCode, usage } from "./command.ts";
import { COMMANDS, findCommand } from "./commands.ts";
import { commandHelp, generalHelp } from "./help.ts";
import { clientOptions, type Environment, GLOBAL_OPTIONS } from "./options.ts";

/** What the composition root hands in. */
export interface CliWorld {
  readonly argv: readonly string[];
  readonly environment: Environment;
  readonly version: string;
  readonly checkHost: () => Promise<readonly FairwayCheck[]>;
  print(line: string): void;
  complain(line: string): void;
}

/** Runs one command line. Never throws. @returns the exit status */
export async function runCli(world: CliWorld): Promise<ExitCode> {
  const { argv, print, complain } = world;
  const words = wordsOf(argv);
  const command = findCommand(words);
  try {
    if (!command) return withoutCommand(world, words);
    const input = parse(command, argv);
    if (input.options.help === true) {
      for (const line of commandHelp(command)) print(line);
      return ExitCode.fine;
    }
    if (input.arguments.length !== command.arguments.length)
      throw usage(`"fairway ${command.words.join(" ")}" takes ${command.arguments.join(" and ") || "no arguments"}`);
    return await execute(world, command, input);
  } catch (error) {
    if (error instanceof FairwayError && error.code === "usage") {
      complain(`fairway: ${messageOf(error)}`);
      complain(command ? `See 'fairway ${command.words.join(" ")} --help'.` : "See 'fairway --help'.");
      return ExitCode.usage;
    }
    const json = argv.includes("--json") && error instanceof FairwayError;
    complain(
      json
        ? JSON.stringify({ error: { code: error.code, message: error.message, context: error.context } })
        : `fairway: ${messageOf(error)}`,
    );
    return ExitCode.problems;
  }
}

async function execute(world: CliWorld, command: Command, input: CommandInput): Promise<ExitCode> {
  const { version, checkHost, print, complain } = world;
  const options = clientOptions(input.options.host as string | undefined, world.environment);
  const client = new Client(options);
  const context: CommandContext = { client, host: options.host, json: input.options.json === true, version, checkHost, print, complain };
  try {
    return await command.run(context, input);
  } finally {
    client.close();
  }
}

function withoutCommand({ argv, print, complain, version }: CliWorld, words: readonly string[]): ExitCode {
  if (words.length === 0 && argv.some((word) => word === "--version" || word === "-v")) {
    print(`Fairway version ${version}`);
    return ExitCode.fine;
  }
  const asked = argv.some((word) => word === "--help" || word === "-h") || words[0] === "help";
  if (words.length === 0 || words[0] === "help" || COMMANDS.some((command) => command.words[0] === words[0])) {
    for (const line of generalHelp(COMMANDS)) (asked ? print : complain)(line);
    return asked ? ExitCode.fine : ExitCode.usage;
  }
  throw usage(`"${words[0]}" is not a command`);
}

/** The words of a command line that are no options: -H takes the next word with it. */
function wordsOf(argv: readonly string[]): string[] {
  return argv.filter((word, at) => !word.startsWith("-") && argv[at - 1] !== "-H" && argv[at - 1] !== "--host");
}

function parse(command: Command, argv: readonly string[]): CommandInput {
  const options = { ...command.options, ...GLOBAL_OPTIONS };
  const described = Object.entries(options).map(([name, { type, short }]) => [name, { type, ...(short ? { short } : {}) }] as const);
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options: Object.fromEntries(described),
      allowPositionals: true,
      strict: true,
    });
    return { options: values as CommandInput["options"], arguments: positionals.slice(command.words.length) };
  } catch (error) {
    throw usage(messageOf(error));
  }
}
