import { wrap } from "./columns.ts";
import type { Command, CommandOption } from "./command.ts";
import { GLOBAL_OPTIONS } from "./options.ts";

const COLUMN = 24;

/** `fairway --help`. */
export function generalHelp(commands: readonly Command[]): string[] {
  return [
    "Usage:  fairway [OPTIONS] COMMAND",
    "",
    "What the docker CLI has no word for, on the same socket.",
    "",
    "Commands:",
    ...commands.flatMap((command) => entry(`  ${usageOf(command)}`, command.summary)),
    "",
    "Options:",
    ...optionLines(GLOBAL_OPTIONS),
    "",
    "Exit status: 0 fine, 1 problems found or failed, 2 wrong usage.",
    "Run 'fairway COMMAND --help' for more about a command.",
  ];
}

/** `fairway COMMAND --help`. */
export function commandHelp(command: Command): string[] {
  return [
    `Usage:  fairway ${usageOf(command)}${Object.keys(command.options).length > 0 ? " [OPTIONS]" : ""}`,
    "",
    `${command.summary}.`,
    ...command.description.flatMap((paragraph) => ["", ...wrap(paragraph, "", 96)]),
    "",
    "Options:",
    ...optionLines({ ...command.options, ...GLOBAL_OPTIONS }),
  ];
}

export const usageOf = ({ words, arguments: names }: Command): string => [...words, ...names].join(" ");

function optionLines(options: Readonly<Record<string, CommandOption>>): string[] {
  return Object.entries(options).flatMap(([name, { short, word, help }]) =>
    entry(`  ${short ? `-${short}, ` : "    "}--${name}${word ? ` ${word}` : ""}`, help),
  );
}

function entry(left: string, text: string): string[] {
  const [first = "", ...rest] = wrap(text, " ".repeat(COLUMN), 96);
  return left.length < COLUMN ? [left.padEnd(COLUMN) + first.trimStart(), ...rest] : [left, first, ...rest];
}
