import type { Check } from "../check.ts";
import { flowsOf, groupsOf, type HostView, TO_COME } from "./flows.ts";
import { matchesName } from "./match.ts";
import type { ForeignTable, Hook } from "./model.ts";
import { type Obstacle, obstaclesOf } from "./walk.ts";

/** One chain or rule of somebody else's, with everything of ours that ends there. */
export interface Finding {
  readonly hook: Hook;
  /** Only packets to the host itself end here: a policy that many want. */
  readonly hostOnly: boolean;
  readonly reach: Obstacle["reach"];
  /** `Chain FORWARD of table ip filter (policy drop) drops packets from containers on br-1 to the outside`. */
  readonly text: string;
  /** Commands, one a line. */
  readonly wayOut: string;
}

/** Where foreign rules end packets of ours. Pure: everything it knows is in its arguments. */
export function findObstacles(tables: readonly ForeignTable[], host: HostView): Finding[] {
  const groups = groupsOf(host.bridges.length > 0 ? host.bridges : [TO_COME], tables);
  const places = new Map<string, Obstacle[]>();
  for (const [bridge] of groups)
    for (const flow of flowsOf(bridge, host))
      for (const table of tables)
        for (const obstacle of obstaclesOf(table, flow)) {
          const key = placeOf(obstacle);
          const there = places.get(key);
          if (there) there.push(obstacle);
          else places.set(key, [obstacle]);
        }
  const ORDER = ["all", "unsure", "some"] as const;
  return [...places.values()].map((obstacles) => {
    // A rule that ends all of one flow may end some of another: the worst is told.
    const worst = ORDER.find((reach) => obstacles.some((obstacle) => obstacle.reach === reach));
    return findingOf(
      obstacles.filter(({ reach }) => reach === worst),
      { tables, host, groups },
    );
  });
}

const placeOf = ({ table, chain, rule }: Obstacle): string =>
  [table.tool, table.family, table.name, chain.name, rule?.handle ?? rule?.text].join(" ");

const VERBS = { drop: "drops", reject: "rejects", queue: "hands to a program" } as const;
const MAY = { drop: "may drop", reject: "may reject", queue: "may hand to a program" } as const;

interface Scene {
  readonly tables: readonly ForeignTable[];
  readonly host: HostView;
  readonly groups: ReturnType<typeof groupsOf>;
}

function findingOf(obstacles: readonly Obstacle[], scene: Scene): Finding {
  const { table, chain, base, rule, verdict, reach } = obstacles[0]!;
  const where = `chain ${chain.name} of table ${table.family} ${table.name}${table.tool === "nft" ? "" : ` (${table.tool})`}`;
  const what = rule
    ? `Rule "${rule.text}"${rule.handle === undefined ? "" : ` (handle ${rule.handle})`} in ${where}`
    : `The policy of ${where}`;
  const verb = reach === "all" ? VERBS[verdict] : MAY[verdict];
  const packets = [...new Set(obstacles.map(({ flow }) => flow.label))].join(", ");
  return {
    hook: base.base!.hook,
    hostOnly: obstacles.every(({ flow }) => flow.hook === "input" && flow.bridged !== true && flow.bridge !== ""),
    reach,
    text: `${what} ${verb} ${reach === "some" ? "some " : ""}packets ${packets}${bridgesOf(obstacles, scene)}`,
    wayOut: wayOut(obstacles, scene),
  };
}

function bridgesOf(obstacles: readonly Obstacle[], { groups }: Scene): string {
  const named = new Set(obstacles.map(({ flow }) => flow.bridge).filter((name) => name !== ""));
  const all = groups.filter(([first]) => named.has(first.name)).flatMap((group) => group.map(({ name }) => name));
  if (all.length === 0) return "";
  if (all[0] === TO_COME.name) return " (of any network made here)";
  return all.length <= 3 ? ` (${all.join(", ")})` : ` (${all.slice(0, 2).join(", ")} and ${all.length - 2} more bridges)`;
}

/** Accepts of our bridges, at the place where the table's owner leaves them alone. */
function wayOut(obstacles: readonly Obstacle[], { tables, host }: Scene): string {
  const { table, base } = obstacles[0]!;
  // A rule of ours in dockerd's own chain for users outlives its restarts.
  const place = base.name === "FORWARD" && table.chains.has("DOCKER-USER") ? "DOCKER-USER" : base.name;
  const names = namesOf(host, tables);
  const lines: string[] = [];
  const directions = new Set(obstacles.map(({ flow }) => (flow.iif === flow.bridge && flow.bridge !== "" ? "i" : "o")));
  if (obstacles.every(({ flow }) => flow.bridge === "")) {
    return `allow the host's own DNS: nft insert rule ${table.family} ${table.name} ${base.name} ${base.base!.hook === "output" ? "udp dport 53" : "ct state established"} accept`;
  }
  if (table.family === "bridge") return `nft insert rule bridge ${table.name} ${base.name} iifname "veth*" accept`;
  if (base.base?.hook === "prerouting" && !directions.has("i")) return "let the published ports through in that chain";
  if (base.base?.hook === "prerouting") directions.delete("o");
  for (const direction of directions) {
    if (table.tool === "nft") {
      const set = names.length === 1 ? `"${names[0]}"` : `{ ${names.map((name) => `"${name}"`).join(", ")} }`;
      lines.push(`nft insert rule ${table.family} ${table.name} ${place} ${direction}ifname ${set} accept`);
    } else for (const name of names) lines.push(`${table.tool} -I ${place} -${direction} ${name.replace(/\*$/, "+")} -j ACCEPT`);
  }
  const manager = managerOf(table);
  return manager === undefined ? lines.join("\n") : `${lines.join("\n")}\n${manager}`;
}

/** Our bridges as a rule would name them; `br-*` covers networks still to be made, unless it would cover somebody else's too. */
function namesOf({ bridges }: HostView, tables: readonly ForeignTable[]): string[] {
  const ours = bridges.map(({ name }) => name);
  if (ours.length === 0) return ["<bridge>"];
  const others = tables.some((table) => [...table.chains.keys()].some((chain) => /^DOCKER/.test(chain)));
  if (others || !ours.some((name) => name.startsWith("br-"))) return ours.slice(0, 32);
  return [...ours.filter((name) => !matchesName("br-*", name)), "br-*"];
}

/** How to make it last, where something rewrites the table. */
function managerOf(table: ForeignTable): string | undefined {
  if (table.name === "firewalld")
    return "to last, by firewalld: firewall-cmd --permanent --zone=trusted --add-interface=<bridge> && firewall-cmd --reload";
  if ([...table.chains.keys()].some((name) => name.startsWith("ufw")))
    return "to last, by ufw: ufw route allow in on <bridge>; ufw route allow out on <bridge>";
  return undefined;
}

/** The doctor's words for what was found: all that is certain fails, what nobody can judge from here is a warning. */
export function firewallChecks(findings: readonly Finding[]): Check[] {
  const certain = findings.filter(({ reach, hostOnly }) => reach === "all" && !hostOnly);
  // A host that closes itself to containers is a policy many want; what it costs is told, no more.
  const host = findings.filter(({ reach, hostOnly }) => reach === "all" && hostOnly);
  const unsure = findings.filter(({ reach }) => reach === "unsure");
  const some = findings.filter(({ reach }) => reach === "some");
  const checks: Check[] = certain.map(({ hook, text, wayOut: way }) => ({
    name: `firewall-${hook}`,
    status: "fail",
    finding: `${text}.`,
    wayOut: way,
  }));
  for (const { text, wayOut: way } of host)
    checks.push({
      name: "firewall-input",
      status: "warn",
      finding: `${text}: services of the host are closed to containers.`,
      wayOut: way,
    });
  for (const { hook, text, wayOut: way } of unsure)
    checks.push({
      name: `firewall-${hook}`,
      status: "warn",
      finding: `${text}; rules before it have conditions that cannot be judged from here.`,
      wayOut: way,
    });
  if (some.length > 0)
    checks.push({
      name: "firewall-filters",
      status: "ok",
      finding: `Foreign rules for certain ports or hosts: ${some.map(({ text }) => text).join("; ")}.`,
      wayOut: "",
    });
  if (certain.length + host.length + unsure.length === 0)
    checks.push({ name: "firewall", status: "ok", finding: "No foreign firewall chain drops packets of our networks.", wayOut: "" });
  return checks;
}
