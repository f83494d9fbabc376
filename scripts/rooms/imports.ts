export interface ImportSite {
  readonly specifier: string;
  /** Every name is imported as a type, so nothing is loaded at run time. */
  readonly typeOnly: boolean;
  /** 1-based. */
  readonly line: number;
}

/** The source with comments and template text blanked and everything else left in its place; `strings` blanks plain strings too. */
export function blankComments(source: string, strings = false): string {
  const pattern = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\[\s\S])*`/g;
  return source.replace(pattern, (match) => (!strings && /^["']/.test(match) ? match : match.replace(/[^\n]/g, " ")));
}

const STATEMENT = /^[ \t]*(import|export)\b\s*(type\b)?([^;"'()]*?)\bfrom\s*["']([^"']+)["']/gm;
const BARE = /^[ \t]*import\s*["']([^"']+)["']/gm;
const DYNAMIC = /\bimport\s*\(\s*["']([^"']+)["']/g;

/** Every static and dynamic import of a module, re-exports included. */
export function findImports(source: string): ImportSite[] {
  const text = blankComments(source);
  const lineAt = (index: number) => text.slice(0, index).split("\n").length;
  const sites: ImportSite[] = [];
  for (const match of text.matchAll(STATEMENT)) {
    const [whole, , typeKeyword, names = "", specifier = ""] = match;
    const start = match.index + (whole.length - whole.trimStart().length);
    sites.push({ specifier, typeOnly: typeKeyword !== undefined || allNamesAreTypes(names), line: lineAt(start) });
  }
  for (const pattern of [BARE, DYNAMIC])
    for (const match of text.matchAll(pattern)) sites.push({ specifier: match[1] ?? "", typeOnly: false, line: lineAt(match.index) });
  return sites.sort((a, b) => a.line - b.line);
}

function allNamesAreTypes(names: string): boolean {
  const list = /^\s*\{([\s\S]*)\}\s*$/.exec(names)?.[1];
  if (list === undefined) return false;
  const parts = list
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  return parts.length > 0 && parts.every((part) => part.startsWith("type "));
}
