import { COMMANDS, commandHelp, generalHelp, usageOf } from "#cli";
import { describeOptions, type OptionDescription } from "#server";

/** Parts of the reference that are made from the program's own tables, by the name in their marks: `<!-- made: NAME -->` … `<!-- end -->`. */
const MAKERS: Readonly<Record<string, () => readonly string[]>> = {
  "fairwayd options": daemonOptions,
  "fairway help": () => block(generalHelp(COMMANDS)),
  ...Object.fromEntries(COMMANDS.map((command) => [`fairway ${command.words.join(" ")}`, () => block(commandHelp(command))])),
};

/** Where each group of the table begins. */
const GROUPS: Readonly<Record<string, string>> = {
  "config-file": "Where it lives",
  host: "How it is reached",
  debug: "What it says",
  bridge: "The default bridge",
  "allow-direct-routing": "Every network",
  dns: "Names",
  "insecure-registry": "Registries",
  runtime: "Containers",
  builder: "Parts that are not here",
};

const PART = /(<!-- made: ([^>]*?) -->\n)[\s\S]*?(<!-- end -->)/g;

/** The text of a document with its made parts made anew. @throws Error for a mark that nothing makes */
export function withMadeParts(markdown: string): string {
  return markdown.replace(PART, (_, begin: string, name: string, end: string) => {
    const make = MAKERS[name];
    if (!make) throw new Error(`Nothing makes the part "${name}"; known: ${Object.keys(MAKERS).join(", ")}`);
    return `${begin}\n${make().join("\n")}\n\n${end}`;
  });
}

/** Commands that a document has no part for. */
export const missingCommands = (markdown: string): string[] =>
  COMMANDS.filter((command) => !markdown.includes(`<!-- made: fairway ${command.words.join(" ")} -->`)).map(usageOf);

const block = (lines: readonly string[]): string[] => ["```", ...lines, "```"];

function daemonOptions(): string[] {
  return describeOptions().flatMap((option) => {
    const group = GROUPS[option.name];
    return [...(group === undefined ? [] : ["", `### ${group}`]), "", ...entry(option)];
  });
}

function entry(option: OptionDescription): string[] {
  const flag = option.fileOnly
    ? `\`"${option.key}"\` in the configuration file`
    : `${option.short === undefined ? "" : `\`-${option.short}\`, `}\`--${option.name}\`${option.word === "" ? "" : ` *${option.word}*`}`;
  const lines = [`- **${flag.replaceAll("**", "")}**${option.help === "" ? "" : `: ${option.help}.`.replace("..", ".")}`];
  const facts: string[] = [];
  if (option.fallback !== "" && !(option.word === "" && option.fallback === "false")) facts.push(`default \`${option.fallback}\``);
  if (option.key === null) facts.push("not in the configuration file");
  else if (option.key !== option.name && !option.fileOnly) facts.push(`\`"${option.key}"\` in the file`);
  if (option.word === "list" || option.word === "map") facts.push("may be given several times");
  if (option.reload) facts.push("read again on SIGHUP");
  if (option.ignored) facts.push("**accepted, has no effect here**");
  if (option.hidden && !option.fileOnly) facts.push("not in `--help`");
  if (facts.length > 0) lines.push(`  (${facts.join("; ")})`);
  return lines;
}
