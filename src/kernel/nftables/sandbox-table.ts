import { ipToBytes } from "#base";
import type { NetlinkRequest } from "#kernel/netlink";
import { encodeNewChain } from "./chain.ts";
import type { Element } from "./element.ts";
import type { Expression } from "./expression.ts";
import { boundsOf } from "./fields.ts";
import type { NftSocket } from "./nft-socket.ts";
import type { NftOperation } from "./operation.ts";
import { encodeNewRule } from "./rule.ts";
import type { SetSchema } from "./set.ts";
import { encodeNewTable } from "./table.ts";

/**
 * The tables inside a sandbox. Packet paths:
 *   resolver → 127.0.0.11:53   `ip fairway output` writes the embedded server's own port into the packet
 *   server → resolver          the same chain writes 53 into its reply
 *   LAN → container:8080       `inet fairway prerouting` looks proto . port up and redirects to the container's port
 *   client → eth1, of several  `replies_in` marks the connection by its interface, `replies_out` its replies, which policy rules route
 * Port 53 goes without connection tracking: half the cost of a query, and a sandbox without redirects has none of it for any traffic.
 */
export interface SandboxTableSpec {
  /** Both ports are on `address` (IPv4), in the sandbox; a single port takes half the rules. */
  readonly dns?: { readonly address: string; readonly udpPort: number; readonly tcpPort: number };
  /** `from` is a port or a range, which then maps to as many ports from `to` on. */
  readonly redirects?: readonly { readonly proto: "tcp" | "udp" | "sctp"; readonly from: string; readonly to: number }[];
  /** Replies to connections that came in by an interface carry its mark. The marks share their upper 16 bits, which are not 0. */
  readonly replies?: readonly { readonly ifname: string; readonly mark: number }[];
}

const DNS = { family: "ip", table: "fairway", chain: "output" } as const;
const LAN = { family: "inet", table: "fairway" } as const;
const REDIRECTS: SetSchema = { ...LAN, set: "redirects", key: ["inet_proto", "inet_service"], value: ["inet_service"] };
const DNS_PORT = 53;
/** NF_CT_STATE_BIT(IP_CT_NEW) as `ct state` gives it. */
const CT_STATE_NEW = 8;

const port = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 255);

/** A whole 32-bit mark of ours, and the bits that say it is. */
const MARK_MASK = 0xffff0000;

/** IP protocol numbers, a range of them. */
type Protocols = readonly [first: number, last: number];
const TCP: Protocols = [6, 6];
const UDP: Protocols = [17, 17];
/** What lies between the two (EGP, CHAOS…) nobody sends over loopback. A set of the two would be two messages more. */
const BOTH: Protocols = [6, 17];

/**
 * `ip daddr ADDRESS meta l4proto FIRST-LAST th dport FROM th dport set TO notrack accept`, or with `saddr` and `sport`. The checksum is mended by
 * protocol (csum flag), which leaves a datagram without one alone, where nft's own way (by offset) would invent one.
 */
function rewrite(side: "source" | "destination", address: string, [first, last]: Protocols, from: number, to: number): Expression[] {
  const portAt = side === "source" ? 0 : 2;
  return [
    { expr: "payload", dreg: 1, base: "network", offset: side === "source" ? 12 : 16, length: 4 },
    { expr: "cmp", sreg: 1, op: "eq", data: ipToBytes(address) },
    { expr: "meta", key: "l4proto", dreg: 1 },
    { expr: "cmp", sreg: 1, op: "gte", data: Uint8Array.of(first) },
    { expr: "cmp", sreg: 1, op: "lte", data: Uint8Array.of(last) },
    { expr: "payload", dreg: 1, base: "transport", offset: portAt, length: 2 },
    { expr: "cmp", sreg: 1, op: "eq", data: port(from) },
    { expr: "immediate", dreg: 1, data: port(to) },
    { expr: "payload", sreg: 1, base: "transport", offset: portAt, length: 2, csumType: 0, csumOffset: 0, csumFlags: 1 },
    { expr: "notrack" },
    { expr: "immediate", dreg: 0, data: ["accept"] },
  ];
}

/** `fib daddr type local redirect to :meta l4proto . th dport map @redirects`; other protocols' first bytes find no port in the map. */
const REDIRECT_RULE: Expression[] = [
  { expr: "fib", flags: 2, result: "type", dreg: 1 },
  { expr: "cmp", sreg: 1, op: "eq", data: Uint8Array.of(2, 0, 0, 0) },
  { expr: "meta", key: "l4proto", dreg: 1 },
  { expr: "payload", dreg: 9, base: "transport", offset: 2, length: 2 },
  { expr: "lookup", sreg: 1, dreg: 1, set: REDIRECTS.set },
  { expr: "redir", protoMin: 1 },
];

/** The elements of a spec's redirects, one a port; those that change nothing are left out. */
function redirectElements(spec: SandboxTableSpec): Element[] {
  return (spec.redirects ?? []).flatMap(({ proto, from, to }) => {
    const [first, last] = boundsOf("inet_service", from).map(Number) as [number, number];
    if (first === to) return [];
    return Array.from({ length: last - first + 1 }, (_, index) => ({ key: [proto, String(first + index)], value: [String(to + index)] }));
  });
}

const encoded = (request: NetlinkRequest): NftOperation => ({ op: "encoded", request });

const LAN_TABLE = encoded(encodeNewTable(LAN, { exclusive: true }));
/** Before connection tracking (-200) sees the packet. */
const DNS_CHAIN: readonly NftOperation[] = [
  encoded(encodeNewTable(DNS, { exclusive: true })),
  encoded(encodeNewChain(DNS, { type: "filter", hook: "output", priority: -300 })),
];

/** A rule's message with places to write an address and a port into: a third of the time it takes to make a sandbox's tables is their encoding. */
interface RuleTemplate {
  readonly request: NetlinkRequest;
  readonly addressAt: number;
  readonly portAt: number;
}

function templateOf(side: "source" | "destination"): RuleTemplate {
  const [address, own] = ["198.51.100.7", 0xfdb3];
  const [from, to] = side === "source" ? [own, DNS_PORT] : [DNS_PORT, own];
  const request = encodeNewRule(DNS, rewrite(side, address, BOTH, from, to));
  const bytes = Buffer.from(request.payload);
  return { request, addressAt: bytes.indexOf(ipToBytes(address)), portAt: bytes.indexOf(port(own)) };
}

const ASKED = templateOf("destination");
const ANSWERED = templateOf("source");

function filled({ request, addressAt, portAt }: RuleTemplate, address: Uint8Array, own: number): NftOperation {
  const payload = request.payload.slice();
  payload.set(address, addressAt);
  payload.set(port(own), portAt);
  return { op: "encoded", request: { ...request, payload } };
}

function dnsTable({ address, udpPort, tcpPort }: NonNullable<SandboxTableSpec["dns"]>): NftOperation[] {
  const rule = (side: "source" | "destination", protocols: Protocols, from: number, to: number): NftOperation => ({
    op: "addRule",
    ...DNS,
    expressions: rewrite(side, address, protocols, from, to),
  });
  const rules =
    udpPort === tcpPort
      ? [filled(ASKED, ipToBytes(address), udpPort), filled(ANSWERED, ipToBytes(address), udpPort)]
      : [
          rule("destination", UDP, DNS_PORT, udpPort),
          rule("source", UDP, udpPort, DNS_PORT),
          rule("destination", TCP, DNS_PORT, tcpPort),
          rule("source", TCP, tcpPort, DNS_PORT),
        ];
  return [...DNS_CHAIN, ...rules];
}

function redirectRules(elements: readonly Element[]): NftOperation[] {
  const prerouting = { ...LAN, chain: "prerouting" };
  return [
    { op: "addSet", set: REDIRECTS },
    { op: "addElements", set: REDIRECTS, elements },
    { op: "addChain", ...prerouting, base: { type: "nat", hook: "prerouting", priority: -100 } },
    { op: "addRule", ...prerouting, expressions: REDIRECT_RULE },
  ];
}

const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);

/** `iifname ETH ct state new ct mark 0 ct mark set MARK` for each; `ct direction reply ct mark & MASK == OURS meta mark set ct mark`. */
function replyRules(replies: NonNullable<SandboxTableSpec["replies"]>): NftOperation[] {
  const [incoming, outgoing] = [
    { ...LAN, chain: "replies_in" },
    { ...LAN, chain: "replies_out" },
  ];
  const name = (ifname: string) => Buffer.concat([Buffer.from(ifname), Buffer.alloc(16)], 16);
  return [
    // After connection tracking (-200), as `mangle`.
    { op: "addChain", ...incoming, base: { type: "filter", hook: "prerouting", priority: -150 } },
    { op: "addChain", ...outgoing, base: { type: "route", hook: "output", priority: -150 } },
    ...replies.map(({ ifname, mark }): NftOperation => {
      const expressions: Expression[] = [
        { expr: "meta", key: "iifname", dreg: 1 },
        { expr: "cmp", sreg: 1, op: "eq", data: name(ifname) },
        { expr: "ct", key: "state", dreg: 1 },
        { expr: "bitwise", sreg: 1, dreg: 1, length: 4, mask: u32(CT_STATE_NEW), xor: u32(0) },
        { expr: "cmp", sreg: 1, op: "neq", data: u32(0) },
        { expr: "ct", key: "mark", dreg: 1 },
        { expr: "cmp", sreg: 1, op: "eq", data: u32(0) },
        { expr: "immediate", dreg: 1, data: u32(mark) },
        { expr: "ct", key: "mark", sreg: 1 },
      ];
      return { op: "addRule", ...incoming, expressions };
    }),
    {
      op: "addRule",
      ...outgoing,
      expressions: [
        { expr: "ct", key: "direction", dreg: 1 },
        { expr: "cmp", sreg: 1, op: "eq", data: Uint8Array.of(1) },
        { expr: "ct", key: "mark", dreg: 1 },
        { expr: "bitwise", sreg: 1, dreg: 1, length: 4, mask: u32(MARK_MASK), xor: u32(0) },
        { expr: "cmp", sreg: 1, op: "eq", data: u32((replies[0]!.mark & MARK_MASK) >>> 0) },
        { expr: "ct", key: "mark", dreg: 1 },
        { expr: "meta", key: "mark", sreg: 1 },
      ],
    },
  ];
}

/** The operations that make the tables of a spec in a sandbox that has none of ours. @throws invalidParameter */
export function sandboxTables(spec: SandboxTableSpec): NftOperation[] {
  const redirects = redirectElements(spec);
  return [
    // Made first and always: where it is there already, the sandbox is not new.
    LAN_TABLE,
    ...(spec.dns ? dnsTable(spec.dns) : []),
    ...(redirects.length > 0 ? redirectRules(redirects) : []),
    ...(spec.replies?.length ? replyRules(spec.replies) : []),
  ];
}

// Adding first makes the deletion of a table that was never there no error.
const CLEAR: readonly NftOperation[] = [DNS, LAN].flatMap((table) => [
  { op: "addTable", ...table } as const,
  { op: "deleteTable", ...table } as const,
]);

/**
 * Makes our tables of the sandbox that `socket` is in what the spec says, whatever they were; without a spec they go. What is there is asked for first
 * (0.1 ms): a transaction that the kernel refuses waits for a grace period, 15 ms and more.
 * @throws invalidParameter, TransactionError
 */
export function setSandboxTables(socket: NftSocket, spec: SandboxTableSpec | undefined): void {
  const tables = spec ? sandboxTables(spec) : [];
  const there = hasSandboxTables(socket) || socket.table(DNS) !== undefined;
  socket.transaction(there ? [...CLEAR, ...tables] : tables, { untracked: true });
}

/** Whether the sandbox that `socket` is in has tables of ours: whoever may, inside, can flush them. */
export const hasSandboxTables = (socket: NftSocket): boolean => socket.table(LAN) !== undefined;
