import { matchAll } from "./match.ts";
import type { Flow, ForeignChain, ForeignRule, ForeignTable, Verdict } from "./model.ts";

/** A place where a packet of ours ends. */
export interface Obstacle {
  readonly table: ForeignTable;
  /** The chain that the kernel calls. */
  readonly base: ForeignChain;
  /** The chain that ends it: `base` or one that it jumps to. */
  readonly chain: ForeignChain;
  /** Undefined: the policy of `base`. */
  readonly rule?: ForeignRule;
  readonly verdict: "drop" | "reject" | "queue";
  readonly flow: Flow;
  /** `all` packets of the flow; `some`: those of certain ports or hosts; `unsure`: rules on the way cannot be judged from here. */
  readonly reach: "all" | "some" | "unsure";
}

/** Deeper than the kernel lets chains be nested. */
const DEEPEST = 32;

type Reach = Obstacle["reach"];
/** `stop`: no packet gets past; `left`: back to the caller; `on`: the next rule. */
type Way = "stop" | "left" | "on";

/** Where one table ends a flow: at most the places before the first that ends all of it. */
export function obstaclesOf(table: ForeignTable, flow: Flow): Obstacle[] {
  if (table.family === "ip" ? flow.family !== 4 : table.family === "ip6" && flow.family !== 6) return [];
  if ((table.family === "bridge") !== (flow.bridged === true)) return [];
  const found: Obstacle[] = [];
  const bases = [...table.chains.values()].filter(({ base }) => base?.hook === flow.hook);
  for (const base of bases.sort((a, b) => a.base!.priority - b.base!.priority)) {
    const walk = new Walk(table, base, flow);
    walk.run();
    found.push(...walk.found);
  }
  return found;
}

interface Place {
  readonly chain: ForeignChain;
  readonly rule: ForeignRule;
  readonly depth: number;
  readonly reach: Reach;
}

class Walk {
  readonly found: Obstacle[] = [];
  readonly #table: ForeignTable;
  readonly #base: ForeignChain;
  readonly #flow: Flow;
  /** Whether a packet is sure to have come this far. */
  #sure = true;

  constructor(table: ForeignTable, base: ForeignChain, flow: Flow) {
    this.#table = table;
    this.#base = base;
    this.#flow = flow;
  }

  run(): void {
    const way = this.#chain(this.#base, 0, false);
    if (way !== "stop" && this.#base.base?.policy === "drop") this.#meet(this.#base, undefined, "drop", "all");
  }

  #chain(chain: ForeignChain, depth: number, some: boolean): Way {
    for (const rule of chain.rules) {
      const match = matchAll(rule.conditions, this.#flow);
      if (match === "no") continue;
      const reach: Reach = match === "unknown" ? "unsure" : match === "narrow" || some ? "some" : "all";
      const way = this.#verdict(rule.verdict, { chain, rule, depth, reach });
      if (match === "yes" && way !== "on") return way;
      // Some packets may have gone another way here, and nobody can say which.
      if (match === "unknown" && way !== "on") this.#sure = false;
    }
    return "on";
  }

  #verdict(verdict: Verdict, at: Place): Way {
    switch (verdict.kind) {
      case "none":
        return "on";
      case "accept":
        return "stop";
      case "return":
        return "left";
      case "drop":
      case "reject":
      case "queue":
        this.#meet(at.chain, at.rule, verdict.kind, at.reach);
        return "stop";
      case "jump":
      case "goto": {
        const target = this.#table.chains.get(verdict.target);
        if (!target || at.depth >= DEEPEST) return "on";
        const before = this.#sure;
        if (at.reach === "unsure") this.#sure = false;
        const way = this.#chain(target, at.depth + 1, at.reach === "some");
        if (at.reach === "some") this.#sure = before;
        if (way === "stop") return "stop";
        return verdict.kind === "goto" ? "left" : "on";
      }
      case "map":
        return this.#map(verdict, at);
    }
  }

  #map(verdict: Extract<Verdict, { kind: "map" }>, at: Place): Way {
    if (verdict.entries.length === 0) {
      this.#sure = false;
      return "on";
    }
    for (const { when, verdict: inner } of verdict.entries) {
      const match = matchAll(when, this.#flow);
      if (match === "no") continue;
      const way = this.#verdict(inner, { ...at, reach: match === "yes" ? at.reach : match === "narrow" ? "some" : "unsure" });
      if (match === "yes") return way;
      if (match === "unknown" && way !== "on") this.#sure = false;
    }
    return "on";
  }

  #meet(chain: ForeignChain, rule: ForeignRule | undefined, verdict: Obstacle["verdict"], reach: Reach): void {
    this.found.push({
      ...{ table: this.#table, base: this.#base, chain, verdict, flow: this.#flow },
      ...(rule ? { rule } : {}),
      reach: reach === "all" && !this.#sure ? "unsure" : reach,
    });
  }
}
