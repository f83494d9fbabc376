import type { Condition, ForeignChain, ForeignRule, ForeignTable, Hook, Value, Verdict } from "./model.ts";

/** Reads the filter table of `iptables-legacy-save`: rules that nf_tables does not know of and that packets meet all the same. */
export function readIptablesSave(text: string, tool: "iptables-legacy" | "ip6tables-legacy"): ForeignTable[] {
  const tables: ForeignTable[] = [];
  let chains: Map<string, { base?: NonNullable<ForeignChain["base"]>; rules: ForeignRule[] }> = new Map();
  let name = "";
  for (const line of text.split("\n")) {
    if (line.startsWith("*")) {
      name = line.slice(1).trim();
      chains = new Map();
    } else if (line.startsWith(":")) {
      const [chain = "", policy = "-"] = line.slice(1).split(/\s+/);
      const base = { hook: chain.toLowerCase() as Hook, priority: 0, policy: policy === "DROP" ? "drop" : "accept" } as const;
      chains.set(chain, { rules: [], ...(policy === "-" ? {} : { base }) });
    } else if (line.startsWith("-A ")) {
      const [, , chain = ""] = /^(-A) (\S+)/.exec(line) ?? [];
      chains.get(chain)?.rules.push(readRule(line, chain));
    } else if (line === "COMMIT" && name !== "nat") {
      const done = new Map([...chains].map(([chain, body]) => [chain, { name: chain, ...body }]));
      tables.push({ tool, family: tool === "iptables-legacy" ? "ip" : "ip6", name, chains: done });
    }
  }
  return tables;
}

const VERDICTS: Readonly<Record<string, Verdict>> = {
  ACCEPT: { kind: "accept" },
  DROP: { kind: "drop" },
  REJECT: { kind: "reject" },
  RETURN: { kind: "return" },
  QUEUE: { kind: "queue" },
  NFQUEUE: { kind: "queue" },
};
/** Extensions that change or log a packet and let the next rule have it. */
const PASSING =
  /^(LOG|NFLOG|MARK|CONNMARK|CT|NOTRACK|TCPMSS|DSCP|TOS|TTL|HL|SET|CLASSIFY|AUDIT|TRACE|SECMARK|CONNSECMARK|TEE|RATEEST|HMARK|CHECKSUM)$/;
const NARROW =
  /^--(s|d)?port|^--(source|destination)-ports?$|^--icmp|^--limit|^--tcp-flags$|^--syn$|^--length|^--uid-owner|^--gid-owner|^--connlimit|^--hashlimit/;
/** `10.0.0.1/255.0.0.255`: a mask that is no prefix. */
const MASKED = /\/.*[.:]/;

function readRule(line: string, chain: string): ForeignRule {
  const words = line.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? [];
  const conditions: Condition[] = [];
  let verdict: Verdict = { kind: "none" };
  let negated = false;
  // Words 0 and 1 are `-A chain`.
  for (let at = 2; at < words.length; at++) {
    const word = words[at]!;
    const next = words[at + 1] ?? "";
    if (word === "!") {
      negated = true;
      continue;
    }
    if (word === "-j") verdict = VERDICTS[next] ?? (PASSING.test(next) ? { kind: "none" } : { kind: "jump", target: next });
    else if (word === "-g") verdict = { kind: "goto", target: next };
    else if (word.startsWith("-") && word !== "-m") {
      const condition = readOption(word, next, negated);
      if (condition && verdict.kind === "none") conditions.push(condition);
    }
    negated = false;
  }
  return { handle: undefined, text: line.slice(`-A ${chain} `.length), conditions, verdict };
}

function readOption(option: string, value: string, negated: boolean): Condition | undefined {
  const about = (field: "iif" | "oif" | "saddr" | "daddr" | "proto" | "state" | "fib-type", values: readonly Value[]): Condition => ({
    field,
    negated,
    values,
  });
  switch (option) {
    case "-i":
      return about("iif", [value.replace(/\+$/, "*")]);
    case "-o":
      return about("oif", [value.replace(/\+$/, "*")]);
    case "-s":
      return MASKED.test(value) ? { field: "narrow" } : about("saddr", [{ prefix: value }]);
    case "-d":
      return MASKED.test(value) ? { field: "narrow" } : about("daddr", [{ prefix: value }]);
    case "-p":
      return about("proto", [value]);
    case "--ctstate":
    case "--state":
      return about("state", value.toLowerCase().split(","));
    case "--dst-type":
      return about("fib-type", [value.toLowerCase()]);
    case "--comment":
      return undefined;
    default:
      return NARROW.test(option) ? { field: "narrow" } : { field: "opaque" };
  }
}
