/** A foreign ruleset, whatever wrote it, as far as it decides about packets: what `nft-json.ts` and `iptables-save.ts` read it into. */

export type Hook = "prerouting" | "input" | "forward" | "output" | "postrouting";

/** What of a packet a condition looks at. */
export type Field = "iif" | "oif" | "state" | "status" | "saddr" | "daddr" | "family" | "proto" | "mark" | "fib-type";

export type Value = string | { readonly prefix: string } | { readonly from: string; readonly to: string };

export type Condition =
  | { readonly field: Field; readonly negated: boolean; readonly values: readonly Value[] }
  /** About ports, icmp types, single hosts: packets of ours mostly do not match it. */
  | { readonly field: "narrow" }
  /** Something the doctor cannot judge: a named set, an extension. */
  | { readonly field: "opaque" };

export type Verdict =
  | { readonly kind: "none" | "accept" | "drop" | "reject" | "return" | "queue" }
  | { readonly kind: "jump" | "goto"; readonly target: string }
  /** A verdict map; no entries: a named one. */
  | { readonly kind: "map"; readonly entries: readonly { readonly when: readonly Condition[]; readonly verdict: Verdict }[] };

export interface ForeignRule {
  /** nft's handle; undefined in iptables-legacy. */
  readonly handle: number | undefined;
  /** As nft or iptables-save prints it. */
  readonly text: string;
  readonly conditions: readonly Condition[];
  readonly verdict: Verdict;
}

export interface ForeignChain {
  readonly name: string;
  /** Set for chains the kernel calls. */
  readonly base?: { readonly hook: Hook; readonly priority: number; readonly policy: "accept" | "drop" };
  readonly rules: readonly ForeignRule[];
}

export interface ForeignTable {
  readonly tool: "nft" | "iptables-legacy" | "ip6tables-legacy";
  readonly family: "ip" | "ip6" | "inet" | "bridge";
  readonly name: string;
  readonly chains: ReadonlyMap<string, ForeignChain>;
}

/** A packet of ours at a hook. Undefined fields are not known there. */
export interface Flow {
  /** Who is talking to whom, for the finding: `from containers on br-1 to the outside`. */
  readonly label: string;
  readonly hook: Hook;
  /** Empty: there is none, as for a packet of the host's own. */
  readonly iif?: string;
  readonly oif?: string;
  readonly state: "new" | "established";
  readonly dnat: boolean;
  readonly family: 4 | 6;
  readonly saddr?: string;
  readonly daddr?: string;
  /** The bridge of ours it is about. */
  readonly bridge: string;
  /** A frame from port to port, which meets tables of the family bridge, and no others. */
  readonly bridged?: true;
}
