import type { Operation } from "./diff.ts";
import type { RunResult } from "./executor.ts";
import type { ElementItem, SandboxTableItem } from "./types.ts";

/** The netfilter half of a kernel. */
export interface Firewall {
  /** Element operations as one transaction: all or none. */
  elements(operations: readonly Operation[]): RunResult;
  /** Replaces or removes the table of a sandbox. */
  table(ns: string, table: SandboxTableItem | undefined): void;
  /** Whether a sandbox has the table that was made in it: a container with the right to can flush it. */
  hasTable(ns: string): boolean;
  /** Every element of every set of ours. */
  read(): readonly ElementItem[];
}

/** `--iptables=false`: nothing is said to netfilter at all. Sandboxes' own tables are theirs and stay. */
export const noElements = (firewall: Firewall): Firewall => ({
  elements: (operations) => ({ done: operations }),
  table: (ns, table) => firewall.table(ns, table),
  hasTable: (ns) => firewall.hasTable(ns),
  read: () => [],
});
