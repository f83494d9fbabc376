import { type Check, ok, warn } from "../check.ts";
import type { HostFiles } from "./files.ts";

/** What nftables' own service loads at boot, on Debian and on Red Hat's, and the directories that these usually include. */
const FILES = ["/etc/nftables.conf", "/etc/sysconfig/nftables.conf"];
const DIRECTORIES = ["/etc/nftables", "/etc/nftables.d"];

/**
 * Saved rulesets with Fairway's tables in them, as `nft list ruleset >FILE` writes them. While the daemon runs nft refuses such a file as a whole, for
 * `fairway-keep` is the daemon's own; at boot it brings back networks and ports of the day it was saved, until the daemon starts.
 */
export function savedRulesets(files: HostFiles): Check[] {
  const included = DIRECTORIES.flatMap((directory) => files.list(directory).map((name) => `${directory}/${name}`));
  const saved = [...FILES, ...included].filter((path) => /^\s*table\s+(inet|bridge)\s+fairway(-keep)?\b/m.test(files.read(path) ?? ""));
  if (saved.length === 0) return [ok("saved-ruleset", "No ruleset that is loaded at boot holds Fairway's tables.")];
  return saved.map((path) =>
    warn(
      "saved-ruleset",
      `${path} holds Fairway's tables: nft cannot load it while fairwayd runs, and at boot it brings back networks and ports of the day it was saved.`,
      `sed -i '/^table inet fairway/,/^}/d; /^table bridge fairway/,/^}/d' ${path}`,
    ),
  );
}
