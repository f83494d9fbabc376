import { PROGRAM } from "./command-line.ts";
import { type Option, optionNames, options } from "./table.ts";

const COLUMN = 44;
const WIDTH = 100;

/** Text of `--help`: one line a flag, in alphabetical order, defaults in parentheses. */
export function helpText(): string {
  const lines = [...optionNames].sort().flatMap((name) => {
    const { kind, short, help, fallback, hidden, effect } = options[name] as Option<unknown>;
    if (hidden) return [];
    const left = `  ${short === undefined ? "   " : `-${short},`} --${name}${kind.word === "" ? "" : ` ${kind.word}`}`;
    return layOut(left, `${help}${effect === "ignored" ? " (accepted, has no effect)" : ""}${shownDefault(fallback)}`);
  });
  return [
    `Usage:  ${PROGRAM} [OPTIONS]`,
    "",
    "Docker's container networking, whole, on the Docker Engine API.",
    "",
    "Options:",
    ...lines,
    "",
  ].join("\n");
}

function shownDefault(value: unknown): string {
  if (value === "" || value === 0 || value === false || typeof value === "object") return "";
  return ` (default ${typeof value === "string" ? JSON.stringify(value) : value})`;
}

function layOut(left: string, text: string): string[] {
  const lines: string[] = [];
  let line = left.padEnd(COLUMN);
  if (left.length >= COLUMN) {
    lines.push(left);
    line = " ".repeat(COLUMN);
  }
  for (const word of text.split(" ")) {
    if (line.length + word.length + 1 > WIDTH && line.trim() !== "") {
      lines.push(line.trimEnd());
      line = " ".repeat(COLUMN);
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()];
}
