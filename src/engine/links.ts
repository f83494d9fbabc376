import { expandPort } from "#ports";
import type { SandboxSpec } from "./types.ts";

/** `db:database`, `/db:/web/database` or `db` → the linked container's name and its alias. */
export function parseLink(link: string): { name: string; alias: string } {
  const [name = "", alias = name] = link.split(":");
  return { name: name.replace(/^\//, ""), alias: alias.slice(alias.lastIndexOf("/") + 1) };
}

/** Variables of the image's making that say nothing about the linked service. */
const IGNORED = new Set(["HOME", "PATH"]);

/** What a legacy link adds to the linking container's environment (moby links.Link.ToEnv). */
export function linkEnvironment(
  parent: string,
  alias: string,
  address: string,
  child: Pick<SandboxSpec, "exposed" | "environment">,
): string[] {
  const name = alias.replaceAll("-", "_").toUpperCase();
  const ports = child.exposed.flatMap(expandPort).sort((a, b) => a.port - b.port || (a.proto < b.proto ? -1 : 1));
  const environment: string[] = [];
  const [first] = ports;
  if (first) environment.push(`${name}_PORT=${first.proto}://${address}:${first.port}`);
  for (const [start, end] of runsOf(ports)) {
    if (start.port === end.port) continue;
    const prefix = `${name}_PORT_${start.port}_${start.proto.toUpperCase()}`;
    environment.push(`${prefix}_START=${start.proto}://${address}:${start.port}`, `${prefix}_ADDR=${address}`);
    environment.push(`${prefix}_PROTO=${start.proto}`, `${prefix}_PORT_START=${start.port}`);
    environment.push(`${prefix}_END=${start.proto}://${address}:${end.port}`, `${prefix}_PORT_END=${end.port}`);
  }
  for (const { port, proto } of ports) {
    const prefix = `${name}_PORT_${port}_${proto.toUpperCase()}`;
    environment.push(
      `${prefix}=${proto}://${address}:${port}`,
      `${prefix}_ADDR=${address}`,
      `${prefix}_PORT=${port}`,
      `${prefix}_PROTO=${proto}`,
    );
  }
  environment.push(`${name}_NAME=/${parent}/${alias}`);
  for (const entry of child.environment ?? []) {
    const [key = "", ...value] = entry.split("=");
    if (key !== "" && !IGNORED.has(key)) environment.push(`${name}_ENV_${key}=${value.join("=")}`);
  }
  return environment;
}

interface Exposed {
  readonly port: number;
  readonly proto: string;
}

/** Unbroken runs of ports of one protocol. */
function runsOf(ports: readonly Exposed[]): [Exposed, Exposed][] {
  const runs: [Exposed, Exposed][] = [];
  for (const port of [...ports].sort((a, b) => (a.proto === b.proto ? a.port - b.port : a.proto < b.proto ? -1 : 1))) {
    const last = runs.at(-1);
    if (last && last[1].proto === port.proto && last[1].port + 1 === port.port) last[1] = port;
    else runs.push([port, port]);
  }
  return runs;
}
