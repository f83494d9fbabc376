import type { Condition, Field, ForeignChain, ForeignRule, ForeignTable, Hook, Value, Verdict } from "./model.ts";

/** Reads `nft -j list table` (libnftables-json(5)); `text` is `nft -a list table`, for the words of each rule. */
type Json = Record<string, unknown>;

const HOOKS: readonly string[] = ["prerouting", "input", "forward", "output", "postrouting"];
const FAMILIES: readonly string[] = ["ip", "ip6", "inet", "bridge"];

const isJson = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);
const textOf = (value: unknown): string => (typeof value === "string" ? value : String(value ?? ""));

export function readNftTable(json: string, text: string): ForeignTable | undefined {
  const entries = ((JSON.parse(json) as Json).nftables as Json[] | undefined) ?? [];
  const table = entries.map((entry) => entry.table).find(isJson);
  if (!table || !FAMILIES.includes(textOf(table.family))) return undefined;
  const words = ruleTexts(text);
  const rules = new Map<string, ForeignRule[]>();
  for (const { rule } of entries) {
    if (!isJson(rule)) continue;
    const handle = Number(rule.handle);
    const list = rules.get(textOf(rule.chain)) ?? [];
    list.push(readRule((rule.expr as unknown[] | undefined) ?? [], handle, words.get(`${textOf(rule.chain)} ${handle}`) ?? ""));
    rules.set(textOf(rule.chain), list);
  }
  const chains = new Map<string, ForeignChain>();
  for (const { chain } of entries) {
    if (!isJson(chain)) continue;
    const name = textOf(chain.name);
    const hook = textOf(chain.hook);
    // A nat chain only ever sees the first packet, and drops nothing.
    const filters = HOOKS.includes(hook) && chain.type !== "nat";
    const base = { hook: hook as Hook, priority: Number(chain.prio ?? 0), policy: chain.policy === "drop" ? "drop" : "accept" } as const;
    chains.set(name, { name, rules: rules.get(name) ?? [], ...(filters ? { base } : {}) });
  }
  return { tool: "nft", family: table.family as ForeignTable["family"], name: textOf(table.name), chains };
}

/** `chain handle` → the rule as nft prints it, without counters' numbers. */
function ruleTexts(text: string): Map<string, string> {
  const found = new Map<string, string>();
  let chain = "";
  for (const line of text.split("\n")) {
    chain = /^\tchain (\S+) \{/.exec(line)?.[1] ?? chain;
    const match = /^\t\t(.*) # handle (\d+)$/.exec(line);
    if (match) found.set(`${chain} ${match[2]}`, match[1]!.replace(/ ?counter packets \d+ bytes \d+/, "").trim());
  }
  return found;
}

const OF_NO_CONSEQUENCE = new Set([
  "counter",
  "log",
  "mangle",
  "notrack",
  "ct helper",
  "ct timeout",
  "set",
  "map",
  "flow",
  "dup",
  "secmark",
]);

function readRule(statements: readonly unknown[], handle: number, text: string): ForeignRule {
  const conditions: Condition[] = [];
  let verdict: Verdict = { kind: "none" };
  for (const statement of statements) {
    if (!isJson(statement)) continue;
    const [name = "", body] = Object.entries(statement)[0] ?? [];
    if (name === "match") conditions.push(...readMatch(body as Json));
    else if (name === "xt") {
      const target = readXt(body, text);
      if ("kind" in target) verdict = target;
      else conditions.push(target);
    } else if (name === "vmap") verdict = readMap(body as Json);
    else if (name === "limit" || name === "quota" || name === "ct count" || name === "meter") conditions.push({ field: "narrow" });
    else if (!OF_NO_CONSEQUENCE.has(name)) verdict = readVerdict(name, body) ?? verdict;
  }
  return { handle, text, conditions, verdict };
}

function readVerdict(name: string, body: unknown): Verdict | undefined {
  if (name === "accept" || name === "drop" || name === "reject" || name === "return" || name === "queue") return { kind: name };
  if (name === "jump" || name === "goto") return { kind: name, target: textOf(isJson(body) ? body.target : "") };
  return undefined;
}

/** An extension of iptables-nft: opaque in JSON, but nft's text often has its translation. */
function readXt(body: unknown, text: string): Condition | Verdict {
  const { type, name } = isJson(body) ? body : ({} as Json);
  const targeted = type === "target" || (body === null && /\breject\b/.test(text));
  if (targeted) return { kind: name === "REJECT" || (name === undefined && /\breject\b/.test(text)) ? "reject" : "none" };
  if (name === "comment") return ALWAYS;
  const state = /\bct state (!= )?([a-z,]+)/.exec(text);
  if ((name === "conntrack" || name === "state" || name === undefined) && state)
    return { field: "state", negated: state[1] !== undefined, values: state[2]!.split(",") };
  if (name === "addrtype" && /\bfib daddr type local\b/.test(text)) return { field: "fib-type", negated: false, values: ["local"] };
  return name === "tcp" || name === "udp" || name === "multiport" || name === "limit" || name === "hashlimit" || name === "icmp"
    ? { field: "narrow" }
    : { field: "opaque" };
}

function readMatch({ op, left, right }: Json): Condition[] {
  const field = fieldOf(left);
  if (field === "narrow" || field === "opaque") return [isReversePath(left) ? NEVER : { field }];
  // A match on an address of one family is one on the family too.
  const protocol = isJson(left) && isJson(left.payload) ? left.payload.protocol : undefined;
  const implied: Condition[] = protocol === "ip" || protocol === "ip6" ? [{ field: "family", negated: false, values: [protocol] }] : [];
  const values = valuesOf(right);
  if (!values || (op !== "==" && op !== "!=" && op !== "in"))
    return [...implied, { field: field === "saddr" || field === "daddr" ? "narrow" : "opaque" }];
  return [...implied, { field, negated: op === "!=", values }];
}

const NEVER: Condition = { field: "proto", negated: false, values: [] };
const ALWAYS: Condition = { ...NEVER, negated: true };

/** `fib saddr . iif oif missing`: the way back of our packets is the way they came. */
const isReversePath = (left: unknown): boolean => isJson(left) && isJson(left.fib) && left.fib.result !== "type";

const META_FIELDS: Readonly<Record<string, Field>> = {
  ...{ iif: "iif", iifname: "iif", oif: "oif", oifname: "oif" },
  ...{ nfproto: "family", protocol: "family", l4proto: "proto", mark: "mark" },
} as const;
const NARROW_META = new Set(["length", "priority", "cpu", "random", "time", "day", "hour", "skuid", "skgid", "cgroup", "rtclassid"]);

function fieldOf(left: unknown): Field | "narrow" | "opaque" {
  if (!isJson(left)) return "opaque";
  const [name = "", body] = Object.entries(left)[0] ?? [];
  if (name === "meta") {
    const key = textOf((body as Json).key);
    return META_FIELDS[key] ?? (NARROW_META.has(key) ? "narrow" : "opaque");
  }
  if (name === "ct") {
    const key = textOf((body as Json).key);
    return key === "state" || key === "status" ? key : key === "mark" ? "mark" : "opaque";
  }
  if (name === "&") return Array.isArray(body) && fieldOf(body[0]) === "mark" ? "mark" : "opaque";
  if (name === "fib") return (body as Json).result === "type" ? "fib-type" : "opaque";
  if (name !== "payload") return name === "exthdr" || name === "tcp option" || name === "ip option" ? "narrow" : "opaque";
  const { protocol, field } = body as Json;
  if ((protocol === "ip" || protocol === "ip6") && (field === "saddr" || field === "daddr")) return field;
  if ((protocol === "ip" && field === "protocol") || (protocol === "ip6" && field === "nexthdr")) return "proto";
  return "narrow";
}

/** Undefined for what only the kernel knows: a named set. */
function valuesOf(right: unknown): Value[] | undefined {
  if (typeof right === "string") return right.startsWith("@") ? undefined : [right];
  if (typeof right === "number") return [String(right)];
  if (Array.isArray(right)) return flatten(right);
  if (!isJson(right)) return undefined;
  if (Array.isArray(right.set)) return flatten(right.set);
  if (isJson(right.prefix)) return [{ prefix: `${textOf(right.prefix.addr)}/${textOf(right.prefix.len)}` }];
  if (Array.isArray(right.range)) return [{ from: textOf(right.range[0]), to: textOf(right.range[1]) }];
  if (isJson(right.elem)) return valuesOf(right.elem.val);
  return undefined;
}

function flatten(list: readonly unknown[]): Value[] | undefined {
  const all: Value[] = [];
  for (const item of list) {
    const values = valuesOf(item);
    if (!values) return undefined;
    all.push(...values);
  }
  return all;
}

function readMap({ key, data }: Json): Verdict {
  const field = fieldOf(key);
  const set = isJson(data) && Array.isArray(data.set) ? data.set : [];
  const entries = set.flatMap((entry) => {
    if (!Array.isArray(entry) || !isJson(entry[1])) return [];
    const [name = "", body] = Object.entries(entry[1])[0] ?? [];
    const verdict = readVerdict(name, body);
    const values = valuesOf(entry[0]);
    const when: Condition = field === "narrow" || field === "opaque" || !values ? { field: "narrow" } : { field, negated: false, values };
    return verdict ? [{ when: [when], verdict }] : [];
  });
  return { kind: "map", entries };
}
