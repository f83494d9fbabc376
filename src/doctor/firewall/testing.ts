import { readFileSync } from "node:fs";
import type { HostView } from "./flows.ts";
import type { ForeignTable } from "./model.ts";
import { readNftTable } from "./nft-json.ts";

/** A table as nft listed it on a host: `fixtures/<name>.json` and `.txt`. */
export function recorded(name: string): ForeignTable {
  const read = (extension: string) => readFileSync(new URL(`fixtures/${name}.${extension}`, import.meta.url), "utf8");
  return readNftTable(read("json"), read("txt"))!;
}

/** A host with the default bridge, a network with IPv4 and one with both families. */
export const HOST_VIEW: HostView = {
  bridges: [
    { name: "fairway0", addresses: ["172.17.0.1/16"] },
    { name: "br-0123456789ab", addresses: ["172.18.0.1/16"] },
    { name: "br-abcdef012345", addresses: ["172.19.0.1/16", "fd00:1::1/64", "fe80::1/64"] },
  ],
  uplink: "eth0",
  bridgedMeetRules: false,
};

/** A table of one family with one base chain at `forward`, from rules in `nft -j` form. */
export function tableOf(
  family: string,
  rules: readonly unknown[],
  options: { policy?: string; chains?: Readonly<Record<string, readonly unknown[]>> } = {},
): ForeignTable {
  const where = { family, table: "t" };
  const chains = { FORWARD: rules, ...options.chains };
  const base = { type: "filter", hook: "forward", prio: 0, policy: options.policy ?? "accept" };
  let handle = 0;
  const entries = Object.entries(chains).flatMap(([name, list]) => [
    { chain: { ...where, name, handle: 1, ...(name === "FORWARD" ? base : {}) } },
    ...list.map((expr) => ({ rule: { ...where, chain: name, handle: ++handle, expr } })),
  ]);
  return readNftTable(JSON.stringify({ nftables: [{ table: { family, name: "t" } }, ...entries] }), "")!;
}

/** Statements as libnftables-json(5) has them. */
export const statement = {
  accept: { accept: null },
  drop: { drop: null },
  counter: { counter: { packets: 1, bytes: 2 } },
  jump: (target: string) => ({ jump: { target } }),
  goto: (target: string) => ({ goto: { target } }),
  meta: (key: string, right: unknown, op = "==") => ({ match: { op, left: { meta: { key } }, right } }),
  ct: (key: string, right: unknown, op = "in") => ({ match: { op, left: { ct: { key } }, right } }),
  payload: (protocol: string, field: string, right: unknown, op = "==") => ({
    match: { op, left: { payload: { protocol, field } }, right },
  }),
};
