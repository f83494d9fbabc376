import { ipToBytes } from "#base";
import type { Element } from "./element.ts";
import type { Expression } from "./expression.ts";
import { boundsOf } from "./fields.ts";
import type { NftSocket } from "./nft-socket.ts";
import type { NftOperation } from "./operation.ts";
import type { SetSchema } from "./set.ts";

/**
 * The table inside a sandbox. Packet paths:
 *   resolver → 127.0.0.11:53   `output` rewrites it to the embedded server's own port; conntrack puts :53 back on the reply
 *   LAN → container:8080       `prerouting` looks proto . port up and redirects to the container's port
 */
export interface SandboxTableSpec {
  /** Both ports are on `address`, in the sandbox. */
  readonly dns?: { readonly address: string; readonly udpPort: number; readonly tcpPort: number };
  /** `from` is a port or a range, which then maps to as many ports from `to` on. */
  readonly redirects?: readonly { readonly proto: "tcp" | "udp" | "sctp"; readonly from: string; readonly to: number }[];
}

const TABLE = { family: "inet", table: "fairway" } as const;
const REDIRECTS: SetSchema = { ...TABLE, set: "redirects", key: ["inet_proto", "inet_service"], value: ["inet_service"] };

const IPPROTO = { tcp: 6, udp: 17 } as const;
const port = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 255);

/** `ip daddr ADDRESS PROTO dport 53 dnat ip to ADDRESS:PORT` */
function dnsRule(address: string, proto: keyof typeof IPPROTO, to: number): Expression[] {
  return [
    { expr: "meta", key: "nfproto", dreg: 1 },
    { expr: "cmp", sreg: 1, op: "eq", data: Uint8Array.of(2) },
    { expr: "payload", dreg: 1, base: "network", offset: 16, length: 4 },
    { expr: "cmp", sreg: 1, op: "eq", data: ipToBytes(address) },
    { expr: "meta", key: "l4proto", dreg: 1 },
    { expr: "cmp", sreg: 1, op: "eq", data: Uint8Array.of(IPPROTO[proto]) },
    { expr: "payload", dreg: 1, base: "transport", offset: 2, length: 2 },
    { expr: "cmp", sreg: 1, op: "eq", data: port(53) },
    { expr: "immediate", dreg: 1, data: ipToBytes(address) },
    { expr: "immediate", dreg: 2, data: port(to) },
    { expr: "nat", type: "dnat", family: "ip", addrMin: 1, protoMin: 2 },
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

const dnsComment = ({ dns }: SandboxTableSpec): string => (dns ? `dns ${dns.address} udp ${dns.udpPort} tcp ${dns.tcpPort}` : "no dns");

/**
 * The operations that make `table inet fairway` of a sandbox what the spec says, whatever it was before; for one transaction in that namespace.
 * Without a spec they remove it. @throws invalidParameter
 */
export function sandboxTable(spec: SandboxTableSpec | undefined): NftOperation[] {
  // Adding first makes the deletion of a table that was never there no error.
  const clear: NftOperation[] = [
    { op: "addTable", ...TABLE },
    { op: "deleteTable", ...TABLE },
  ];
  const redirects = spec ? redirectElements(spec) : [];
  if (!spec || (!spec.dns && redirects.length === 0)) return clear;
  const operations: NftOperation[] = [...clear, { op: "addTable", ...TABLE, comment: dnsComment(spec) }];
  if (spec.dns) {
    const { address, udpPort, tcpPort } = spec.dns;
    const output = { ...TABLE, chain: "output" };
    operations.push({ op: "addChain", ...output, base: { type: "nat", hook: "output", priority: -100 } });
    operations.push({ op: "addRule", ...output, expressions: dnsRule(address, "udp", udpPort) });
    operations.push({ op: "addRule", ...output, expressions: dnsRule(address, "tcp", tcpPort) });
  }
  if (redirects.length > 0) {
    const prerouting = { ...TABLE, chain: "prerouting" };
    operations.push({ op: "addSet", set: REDIRECTS });
    operations.push({ op: "addElements", set: REDIRECTS, elements: redirects });
    operations.push({ op: "addChain", ...prerouting, base: { type: "nat", hook: "prerouting", priority: -100 } });
    operations.push({ op: "addRule", ...prerouting, expressions: REDIRECT_RULE });
  }
  return operations;
}

/** True when the sandbox that `socket` is in has just the table that the spec asks for, its rules and elements included. */
export function hasSandboxTable(socket: NftSocket, spec: SandboxTableSpec | undefined): boolean {
  const found = socket.table(TABLE);
  const redirects = spec ? redirectElements(spec) : [];
  if (!spec || (!spec.dns && redirects.length === 0)) return found === undefined;
  if (found?.comment !== dnsComment(spec)) return false;
  const rules = (chain: string) => socket.rules({ ...TABLE, chain }).length;
  const chains = new Set(socket.chains(TABLE).map(({ name }) => name));
  if (chains.has("output") !== (spec.dns !== undefined) || chains.has("prerouting") !== redirects.length > 0) return false;
  if (spec.dns && rules("output") !== 2) return false;
  if (redirects.length === 0) return true;
  const text = ({ key, value }: Element) => `${key.join()} ${value?.join()}`;
  const there = new Set(socket.readElements(REDIRECTS).map(text));
  return (
    rules("prerouting") === 1 && there.size === new Set(redirects.map(text)).size && redirects.every((element) => there.has(text(element)))
  );
}
