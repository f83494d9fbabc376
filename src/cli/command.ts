import type { ParseArgsOptionDescriptor } from "node:util";
import type { Client, FairwayCheck } from "#api";
import { FairwayError } from "#base";

export interface CommandOption {
  readonly type: ParseArgsOptionDescriptor["type"];
  readonly short?: string;
  /** Word for the value in `--help`; for type string. */
  readonly word?: string;
  readonly help: string;
}

/** Words given after a command's name. */
export interface CommandInput {
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  readonly arguments: readonly string[];
}

/** One word of the CLI: what `--help` says of it and what it does. */
export interface Command {
  /** Words that call it, `["network", "route", "add"]`. */
  readonly words: readonly string[];
  /** Names of its arguments for the usage line, in order; all are needed. */
  readonly arguments: readonly string[];
  readonly summary: string;
  /** Paragraphs of `--help`. */
  readonly description: readonly string[];
  readonly options: Readonly<Record<string, CommandOption>>;
  /** @returns the exit status @throws FairwayError */
  run(context: CommandContext, input: CommandInput): Promise<ExitCode>;
}

/** `fine`: nothing wrong; `problems`: something is wrong, or the command failed; `usage`: the command line is. */
export const ExitCode = { fine: 0, problems: 1, usage: 2 } as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** What a command may use. */
export interface CommandContext {
  /** The daemon, by DOCKER_HOST or -H; connects at the first call. */
  readonly client: Client;
  readonly host: string;
  readonly json: boolean;
  readonly version: string;
  /** The doctor's checks of this host that need no daemon. */
  readonly checkHost: () => Promise<readonly FairwayCheck[]>;
  print(line: string): void;
  /** To standard error. */
  complain(line: string): void;
}

/** The command line is wrong in a way that only the command can tell. */
export const usage = (message: string): FairwayError => new FairwayError("invalidParameter", message, { code: "usage" });

export const printJson = (context: CommandContext, value: unknown): void => context.print(JSON.stringify(value, null, 2));
