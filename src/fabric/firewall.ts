import type { Operation } from "./diff.ts";
import type { RunResult } from "./executor.ts";
import type { ElementItem, SandboxTableItem } from "./types.ts";

/** The netfilter half of a kernel. */
export interface Firewall {
  /** Element operations as one transaction: all or none. */
  elements(operations: readonly Operation[]): RunResult;
  /** Replaces or removes the table of a sandbox. */
  table(ns: string, table: SandboxTableItem | undefined): void;
  /** Every element of every set of ours. */
  read(): readonly ElementItem[];
}

/** `--iptables=false`: nothing is said to netfilter at all. Sandboxes' own tables are theirs and stay. */
export const noElements = (firewall: Firewall): Firewall => ({
  elements: (operations) => ({ done: operations }),
  table: (ns, table) => firewall.table(ns, table),
  read: () => [],
});
