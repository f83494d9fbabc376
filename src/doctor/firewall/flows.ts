import { formatIp, parseCidr, parseIp } from "#base";
import { type AddressRange, isIn, matchesName, rangeOf } from "./match.ts";
import type { Condition, Flow, ForeignTable } from "./model.ts";

/** A bridge of ours and the addresses it holds, `172.18.0.1/16`. */
export interface OwnBridge {
  readonly name: string;
  readonly addresses: readonly string[];
}

export interface HostView {
  /** None: a network that may be made here is looked at. */
  readonly bridges: readonly OwnBridge[];
  /** The link of the default route. */
  readonly uplink: string;
  /** net.bridge.bridge-nf-call-iptables is on: what is bridged meets the IP rules too. */
  readonly bridgedMeetRules: boolean;
}

/** A bridge that networks still to be made will look like. */
export const TO_COME: OwnBridge = { name: "br-000000000000", addresses: ["172.31.255.1/24"] };

/** Bridges that stand for all: rules that name none of a group's treat all of it alike, so the first of each is tried. */
export function groupsOf(
  bridges: readonly OwnBridge[],
  tables: readonly ForeignTable[],
): readonly (readonly [OwnBridge, ...OwnBridge[]])[] {
  const patterns = new Set<string>();
  const ranges = new Map<string, AddressRange>();
  for (const condition of conditionsOf(tables)) {
    if (condition.field === "iif" || condition.field === "oif") for (const value of condition.values) patterns.add(String(value));
    if (condition.field !== "saddr" && condition.field !== "daddr") continue;
    for (const range of condition.values.map(rangeOf)) if (range) ranges.set(`${range.first} ${range.last}`, range);
  }
  const groups = new Map<string, [OwnBridge, ...OwnBridge[]]>();
  for (const bridge of bridges) {
    const addresses = ([4, 6] as const).flatMap((family) => containerOn(bridge, family) ?? []).map(parseIp);
    const named = [...patterns].filter((pattern) => matchesName(pattern, bridge.name));
    const within = [...ranges].filter(([, range]) => addresses.some((address) => isIn(address, range))).map(([key]) => key);
    const key = [addresses.map(({ family }) => family), ...named, ...within].join(" ");
    const group = groups.get(key);
    if (group) group.push(bridge);
    else groups.set(key, [bridge]);
  }
  return [...groups.values()];
}

function* conditionsOf(tables: readonly ForeignTable[]): Generator<Extract<Condition, { values: unknown }>> {
  for (const table of tables)
    for (const chain of table.chains.values())
      for (const { conditions } of chain.rules) for (const condition of conditions) if ("values" in condition) yield condition;
}

/** The packets that a bridge network lives by, at each hook they pass. */
export function flowsOf(bridge: OwnBridge, { uplink, bridgedMeetRules }: HostView): Flow[] {
  return ([4, 6] as const).flatMap((family) => {
    const container = containerOn(bridge, family);
    if (container === undefined) return [];
    const b = bridge.name;
    const base = { family, state: "new", dnat: false, bridge: b } as const;
    const out = { ...base, label: "from containers to the outside", iif: b, saddr: container } as const;
    const published = { ...base, label: "from outside to published ports", dnat: true } as const;
    const replies = { ...base, label: "of established connections to containers", state: "established", oif: b } as const;
    const flows: Flow[] = [
      { ...out, hook: "prerouting" },
      { ...out, hook: "forward", oif: uplink },
      { ...out, hook: "postrouting", iif: b, oif: uplink },
      { ...published, hook: "prerouting", dnat: false, iif: uplink },
      { ...published, hook: "forward", iif: uplink, oif: b, daddr: container },
      { ...published, hook: "postrouting", iif: uplink, oif: b, daddr: container },
      { ...replies, hook: "forward", iif: uplink, daddr: container },
      { ...base, label: "from the host to containers", hook: "output", iif: "", oif: b, daddr: container },
      { ...base, label: "from the host to containers", hook: "postrouting", iif: "", oif: b, daddr: container },
      { ...base, label: "from containers to the host", hook: "input", iif: b, oif: "", saddr: container },
      { ...base, label: "of the embedded DNS to upstream servers", hook: "output", iif: "", oif: uplink, bridge: "" },
      {
        ...base,
        label: "of upstream DNS servers to the embedded DNS",
        hook: "input",
        iif: uplink,
        oif: "",
        state: "established",
        bridge: "",
      },
    ];
    const frame = { ...base, bridged: true, iif: "veth0000000", saddr: container } as const;
    flows.push(
      { ...frame, label: "between containers", hook: "forward", oif: "veth0000001" },
      { ...frame, label: "from containers to their gateway", hook: "input", oif: "" },
    );
    if (bridgedMeetRules) flows.push({ ...base, label: "between containers", hook: "forward", iif: b, oif: b, saddr: container });
    return flows;
  });
}

/** An address that a container on the bridge might have. */
function containerOn({ addresses }: OwnBridge, family: 4 | 6): string | undefined {
  const own = addresses.find((address) => (family === 6 ? isGlobal6(address) : !address.includes(":")));
  if (own === undefined) return undefined;
  const { base } = parseCidr(own);
  return formatIp({ family, value: base + 2n });
}

const isGlobal6 = (address: string): boolean => address.includes(":") && !/^fe80:/i.test(address);
