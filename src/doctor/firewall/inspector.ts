import { readFileSync } from "node:fs";
import { ALIAS_PREFIX, FairwayError, HOST, messageOf } from "#base";
import { NftSocket } from "#kernel/nftables";
import { RouteSocket } from "#kernel/rtnetlink";
import { uplinkOf } from "../host/uplink.ts";
import type { HostView } from "./flows.ts";
import { readIptablesSave } from "./iptables-save.ts";
import type { ForeignTable } from "./model.ts";
import { readNftTable } from "./nft-json.ts";
import { type Finding, findObstacles } from "./obstacles.ts";

/** Runs a program and gives what it printed; undefined when it is not installed or fails. Only `bin` starts processes, so it is handed in. */
export type RunProgram = (program: string, args: readonly string[]) => string | undefined;

const LEGACY = [
  { tool: "iptables-legacy", names: "/proc/net/ip_tables_names" },
  { tool: "ip6tables-legacy", names: "/proc/net/ip6_tables_names" },
] as const;

/** How long an answer is good when the ruleset has changed meanwhile: networks being made change it many times a second. */
const FRESH_MS = 5000;

/** Finds foreign rules of the host's namespace that end packets of ours. */
export class FirewallInspector implements Disposable {
  readonly #run: RunProgram;
  #socket: NftSocket | undefined;
  #last: { at: number; generation: number; findings: readonly Finding[] } | undefined;

  constructor(run: RunProgram) {
    this.#run = run;
  }

  /** Reads everything anew. @throws FairwayError when the ruleset cannot be read */
  inspect(): readonly Finding[] {
    const tables = this.#tables();
    return findObstacles(tables, readHost());
  }

  /** Lines for `docker info`: what surely ends packets of ours. Cheap: read again only when the ruleset has changed, and not more than every few seconds. */
  warnings(): readonly string[] {
    try {
      return this.#cached()
        .filter(({ reach, hostOnly }) => reach === "all" && !hostOnly)
        .map(({ text, wayOut }) => `WARNING: ${text}. Way out: ${wayOut.replaceAll("\n", "; ")}`);
    } catch (error) {
      return [`WARNING: the host's firewall could not be read: ${messageOf(error)}`];
    }
  }

  #cached(): readonly Finding[] {
    const now = performance.now();
    const last = this.#last;
    if (last && now - last.at < FRESH_MS) return last.findings;
    const generation = this.#nft.generation();
    const findings = last?.generation === generation && this.#legacyNames().length === 0 ? last.findings : this.inspect();
    this.#last = { at: now, generation, findings };
    return findings;
  }

  get #nft(): NftSocket {
    return (this.#socket ??= NftSocket.open(HOST));
  }

  #tables(): ForeignTable[] {
    const tables: ForeignTable[] = [];
    for (const family of ["ip", "ip6", "inet", "bridge"] as const) {
      for (const { name } of this.#nft.tables(family)) {
        if (name === "fairway" || name.startsWith("fairway-")) continue;
        // By the program, not the library: libnftables 1.0.6 corrupts the heap of a process that lists a table with flags as JSON.
        const [json, text] = [
          this.#run("nft", ["-j", "-t", "list", "table", family, name]),
          this.#run("nft", ["-a", "-t", "list", "table", family, name]),
        ];
        if (json === undefined || text === undefined) throw unavailable(`nft cannot list table ${family} ${name}`);
        const table = readNftTable(json, text);
        if (table) tables.push(table);
      }
    }
    for (const { tool } of this.#legacyNames()) {
      const text = this.#run(`${tool}-save`, []);
      if (text !== undefined) tables.push(...readIptablesSave(text, tool));
    }
    return tables;
  }

  /** iptables-legacy has rules in this namespace. */
  #legacyNames(): (typeof LEGACY)[number][] {
    return LEGACY.filter(({ names }) => {
      try {
        return readFileSync(names, "utf8").trim() !== "";
      } catch {
        return false;
      }
    });
  }

  [Symbol.dispose](): void {
    this.#socket?.[Symbol.dispose]();
    this.#socket = undefined;
  }
}

function readHost(): HostView {
  using socket = RouteSocket.open(HOST);
  const links = socket.links();
  const ours = links.filter(({ alias, kind }) => kind === "bridge" && alias?.startsWith(ALIAS_PREFIX));
  const addresses = socket.addresses();
  const bridges = ours.map(({ name, index }) => ({
    name,
    addresses: addresses.filter((address) => address.index === index).map(({ address }) => address),
  }));
  const uplink = uplinkOf(socket, links) ?? links.find(({ kind, name }) => kind === undefined && name !== "lo")?.name ?? "eth0";
  return {
    bridges,
    uplink,
    bridgedMeetRules: readFlag("/proc/sys/net/bridge/bridge-nf-call-iptables"),
  };
}

function readFlag(path: string): boolean {
  try {
    return readFileSync(path, "utf8").trim() === "1";
  } catch {
    return false;
  }
}

const unavailable = (message: string): FairwayError => new FairwayError("unavailable", message, { code: "nft-failed" });
