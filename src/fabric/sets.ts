/**
 * The sets and maps of the fixed ruleset (`ruleset/fairway.nft`): the whole vocabulary in which networks, isolation, masquerade and published
 * ports are said. A driver emits elements of these; no operation ever adds a rule. `table` is the family of the table `fairway` a set lives in.
 * What drivers write is logical; where an element is really kept (`any`, `ranges`, `mirror`, `keysIn`) is `ruleset/placement.ts`'s.
 */

/** nft data types by their `nft` names, with the sizes the element codec pads to (libnftnl: 4-byte registers). */
export type SetField = "ifname" | "inet_proto" | "inet_service" | "ipv4_addr" | "ipv6_addr" | "ether_addr" | "mark";

export interface SetDeclaration {
  readonly table: "inet" | "bridge";
  readonly key: readonly SetField[];
  /** Data fields of a map, or `"verdict"`. */
  readonly value?: readonly SetField[] | "verdict";
  /** `flags interval`: keys may be ranges and prefixes. */
  readonly interval?: boolean;
  /** A hash in which `0.0.0.0/0` (`::/0`) as the address field stands for any: such elements live in `<name>_any`, without that field. */
  readonly any?: boolean;
  /** A hash whose elements with a range or prefix in the key live in the interval set `<name>_range`. */
  readonly ranges?: boolean;
  /** The table of a twin of the same name and elements. */
  readonly mirror?: "inet";
  /** A set that holds the same keys without the values, for rules where a verdict would be out of place. */
  readonly keysIn?: string;
  readonly comment: string;
}

const declare = <const T extends Record<string, SetDeclaration>>(sets: T): T => sets;

export const SETS = declare({
  bridges: { table: "inet", key: ["ifname"], comment: "every bridge of ours: guards 127/8 arriving from containers" },
  within: {
    table: "inet",
    key: ["ifname", "ifname"],
    value: "verdict",
    keysIn: "hairpin",
    comment: "bridge . same bridge: accept (icc) or drop, for what is routed back to where it came from",
  },
  internal: { table: "inet", key: ["ifname"], comment: "bridges of internal networks: nothing is forwarded in or out" },
  inbound: {
    table: "inet",
    key: ["ifname"],
    value: "verdict",
    comment:
      "output bridge: what meets a new connection that no published port led here: goto nat_in, open_in or routed_in; where the families differ IPv4 first, as nat_routed_in",
  },
  trusted: { table: "inet", key: ["ifname", "ifname"], comment: "host interface . bridge: may reach container addresses directly" },
  routes: { table: "inet", key: ["ifname", "ifname"], comment: "network . network joined by an explicit route (`fairway network route`)" },
  masquerade4: { table: "inet", key: ["ifname"], comment: "bridges whose IPv4 traffic to elsewhere is masqueraded" },
  masquerade6: { table: "inet", key: ["ifname"], comment: "the same for IPv6 (NAT66)" },
  snat4: { table: "inet", key: ["ifname"], value: ["ipv4_addr"], comment: "bridge: source address instead of masquerade (host_ipv4)" },
  snat6: { table: "inet", key: ["ifname"], value: ["ipv6_addr"], comment: "the same for IPv6 (host_ipv6)" },
  publish4: {
    table: "inet",
    key: ["inet_proto", "ipv4_addr", "inet_service"],
    value: ["ipv4_addr", "inet_service"],
    any: true,
    comment: "published port: proto . host address (0.0.0.0/0 for any) . host port to container address . port",
  },
  publish6: {
    table: "inet",
    key: ["inet_proto", "ipv6_addr", "inet_service"],
    value: ["ipv6_addr", "inet_service"],
    any: true,
    comment: "the same for IPv6",
  },
  publish_range4: {
    table: "inet",
    key: ["inet_proto", "ipv4_addr", "inet_service"],
    value: ["ipv4_addr"],
    interval: true,
    comment: "published range whose container ports equal the host ports: one element, the port is kept",
  },
  publish_range6: {
    table: "inet",
    key: ["inet_proto", "ipv6_addr", "inet_service"],
    value: ["ipv6_addr"],
    interval: true,
    comment: "the same for IPv6",
  },
  open4: {
    table: "inet",
    key: ["ifname", "inet_proto", "ipv4_addr", "inet_service"],
    ranges: true,
    comment: "routed gateway mode: bridge . proto . container address . container port that may be reached directly",
  },
  open6: { table: "inet", key: ["ifname", "inet_proto", "ipv6_addr", "inet_service"], ranges: true, comment: "the same for IPv6" },
  no_icc: { table: "bridge", key: ["ifname"], comment: "ports of bridges with icc=false: their IP frames go to no other port" },
  links4: {
    table: "bridge",
    key: ["ipv4_addr", "ipv4_addr", "inet_proto", "inet_service"],
    mirror: "inet",
    comment: "hole in icc=false made by --link: client . server . proto . server port",
  },
  links6: { table: "bridge", key: ["ipv6_addr", "ipv6_addr", "inet_proto", "inet_service"], mirror: "inet", comment: "the same for IPv6" },
});
