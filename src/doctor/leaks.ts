import { existsSync } from "node:fs";
import type { Drift } from "#fabric";
import { type Check, fail, ok } from "./check.ts";
import type { HostFiles } from "./host/files.ts";

/** What only a running daemon can tell. */
export interface Known {
  /** Desired against actual, strays included: `engine.drift()`. */
  drift(): readonly Drift[];
  /** Ids of all containers. Asked after the host has been looked at: records come before effects. */
  containers(): Promise<ReadonlySet<string>>;
  readonly pid: number;
}

const SHOWN = 5;

const listed = (names: readonly string[]): string =>
  names.length <= SHOWN ? names.join(", ") : `${names.slice(0, SHOWN).join(", ")} and ${names.length - SHOWN} more`;

/** Differences between what is wanted and what is there, as two checks: changed by others, and left over. */
export function driftChecks(drift: readonly Drift[]): Check[] {
  const strays = drift.filter(({ kind }) => kind === "stray").map(({ description }) => description);
  const lost = drift.filter(({ kind }) => kind !== "stray").map(({ kind, description }) => `${description} (${kind})`);
  return [
    lost.length === 0
      ? ok("drift", "The kernel has what the networks want.")
      : fail("drift", `The kernel differs from what the networks want: ${listed(lost)}.`, "fairway drift --repair"),
    strays.length === 0
      ? ok("strays", "No link or nftables element of Fairway's is without an owner.")
      : fail("strays", `Of Fairway's, and nobody wants them: ${listed(strays)}.`, "fairway drift --repair"),
  ];
}

const unescapeMount = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));

interface Roots {
  readonly dataRoot: string;
  readonly execRoot: string;
}

/** Mounts and namespaces of containers, each with the id it names; a namespace's is 12 digits long. */
export function traces(
  files: HostFiles,
  { dataRoot, execRoot }: Roots,
): { readonly kind: "mount" | "namespace"; readonly path: string; readonly id: string }[] {
  const mounts = (files.read("/proc/self/mountinfo") ?? "").split("\n").map((line) => unescapeMount(line.split(" ")[4] ?? ""));
  const found = mounts.flatMap((path) => {
    const root = [dataRoot, execRoot].find((candidate) => path.startsWith(`${candidate}/containers/`));
    const id = root === undefined ? "" : (path.slice(`${root}/containers/`.length).split("/")[0] ?? "");
    return /^[0-9a-f]{64}$/.test(id) ? [{ kind: "mount", path, id } as const] : [];
  });
  const namespaces = files
    .list(`${execRoot}/netns`)
    .filter((name) => /^[0-9a-f]{12}$/.test(name))
    .map((name) => ({ kind: "namespace", path: `${execRoot}/netns/${name}`, id: name }) as const);
  return [...found, ...namespaces];
}

/** Mounts and namespaces that no container owns. */
export async function leakChecks(
  files: HostFiles,
  roots: Roots,
  known: Known,
  exists: (path: string) => boolean = existsSync,
): Promise<Check[]> {
  const seen = traces(files, roots);
  const ids = await known.containers();
  const shortIds = new Set([...ids].map((id) => id.slice(0, 12)));
  // Gone by now: a container was being removed.
  const leaked = seen.filter(({ id, path }) => !ids.has(id) && !shortIds.has(id) && exists(path));
  if (leaked.length === 0) return [ok("leaks", "Every mount and namespace belongs to a container.")];
  const mounts = leaked.filter(({ kind }) => kind === "mount").map(({ path }) => path);
  const namespaces = leaked.filter(({ kind }) => kind === "namespace").map(({ path }) => path);
  const commands = leaked.map(({ kind, path }) => (kind === "mount" ? `umount ${path}` : `umount ${path}; rm ${path}`));
  const what = [mounts.length > 0 ? `mounts ${listed(mounts)}` : "", namespaces.length > 0 ? `namespaces ${listed(namespaces)}` : ""];
  const wayOut = ["restart fairwayd, which sweeps them, or:", ...commands.slice(0, SHOWN)].join("\n");
  return [fail("leaks", `Without a container: ${what.filter((text) => text !== "").join("; ")}.`, wayOut)];
}

/** What a daemon that does not run has left, for it to take up again. */
export function remains(files: HostFiles, roots: Roots, links: readonly string[]): Check {
  const found = traces(files, roots);
  const count = (kind: string) => found.filter((trace) => trace.kind === kind).length;
  if (links.length + found.length === 0) return ok("remains", "Nothing of Fairway's is on this host.");
  const text = `Of Fairway's, while no daemon was asked: ${links.length} links (${listed(links)}), ${count("namespace")} namespaces, ${count("mount")} mounts.`;
  return { name: "remains", status: "ok", finding: text, wayOut: "fairwayd takes them up again, or sweeps them, when it starts" };
}
