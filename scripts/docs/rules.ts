export interface Link {
  readonly target: string;
  /** 1-based. */
  readonly line: number;
}

/** Relative links of a Markdown text, outside code. */
export function findLinks(markdown: string): Link[] {
  const blanked = markdown.replace(/```[\s\S]*?```|`[^`\n]*`/g, (code) => code.replace(/[^\n]/g, " "));
  return blanked.split("\n").flatMap((text, index) =>
    [...text.matchAll(/\]\(([^)\s]+)\)/g)]
      .map((match) => match[1] ?? "")
      .filter((target) => !/^[a-z]+:/.test(target))
      .map((target) => ({ target, line: index + 1 })),
  );
}

/** Anchors that a renderer gives the headings of a text. */
export function headingAnchors(markdown: string): Set<string> {
  const headings = markdown.replace(/```[\s\S]*?```/g, "").matchAll(/^#+\s+(.*)$/gm);
  const slug = (heading: string) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim()
      .replace(/\s/g, "-");
  return new Set([...headings].map((match) => slug(match[1] ?? "")));
}

const SECTIONS = ["Context", "Alternatives", "Decision", "When to revisit"];

/** Decision records are `NNN-slug.md`, no number twice, and each says what was weighed. */
export function checkDecisions(records: ReadonlyMap<string, string>): string[] {
  const problems: string[] = [];
  const owners = new Map<string, string>();
  for (const [path, text] of records) {
    const number = /\/(\d{3})-[a-z0-9]+(-[a-z0-9]+)*\.md$/.exec(path)?.[1];
    if (number === undefined) {
      problems.push(`${path}: a decision record is named NNN-slug.md`);
      continue;
    }
    const other = owners.get(number);
    if (other) problems.push(`${path}: number ${number} is taken by ${other}`);
    owners.set(number, path);
    for (const section of SECTIONS)
      if (!new RegExp(`^#+ .*${section}|^\\*\\*${section}`, "im").test(text)) problems.push(`${path}: no section "${section}"`);
  }
  return problems;
}
