import { invalid } from "#base";

/** One line of hosts(5): an address and the names it has, separated as Docker does: a tab, then spaces. */
export interface HostsEntry {
  readonly address: string;
  /** One or more names, separated by single spaces. */
  readonly names: string;
}

const LOOPBACK4: readonly HostsEntry[] = [{ address: "127.0.0.1", names: "localhost" }];
const LOOPBACK6: readonly HostsEntry[] = [
  { address: "::1", names: "localhost ip6-localhost ip6-loopback" },
  { address: "fe00::", names: "ip6-localnet" },
  { address: "ff00::", names: "ip6-mcastprefix" },
  { address: "ff02::1", names: "ip6-allnodes" },
  { address: "ff02::2", names: "ip6-allrouters" },
];

export const hostsLine = (entry: HostsEntry): string => `${entry.address}\t${entry.names}\n`;

/**
 * A container's /etc/hosts when it is made.
 * @param ipv6 the sandbox has IPv6
 * @param extra `--add-host` and legacy links, in order
 * @param own the container's addresses with `hostsNames()`
 */
export function buildHosts(ipv6: boolean, extra: readonly HostsEntry[], own: readonly HostsEntry[]): string {
  return [...LOOPBACK4, ...(ipv6 ? LOOPBACK6 : []), ...extra, ...own].map(hostsLine).join("");
}

/** `web` → `web`; with domain `lan` → `web.lan web`; a hostname with dots counts as qualified. */
export function hostsNames(hostname: string, domainname: string): string {
  const full = domainname === "" ? hostname : `${hostname}.${domainname}`;
  const dot = full.indexOf(".");
  return dot > 0 ? `${full} ${full.slice(0, dot)}` : full;
}

/** The names of a legacy link's line: alias, the other container's hostname and, unless it is the alias, its name. */
export function linkNames(alias: string, hostname: string, name: string): string {
  return alias === name ? `${alias} ${hostname}` : `${alias} ${hostname} ${name}`;
}

/** Appends lines that are not there yet; whatever else the file has, the user's edits included, stays as it is. */
export function addHosts(text: string, entries: readonly HostsEntry[]): string {
  const present = new Set(text.split("\n").map(normal));
  const missing = entries.map(hostsLine).filter((line) => !present.has(normal(line)));
  const gap = text === "" || text.endsWith("\n") || missing.length === 0 ? "" : "\n";
  return text + gap + missing.join("");
}

/** Takes out the lines that say exactly this, however they are spaced; a line the user has changed is the user's. */
export function removeHosts(text: string, entries: readonly HostsEntry[]): string {
  const gone = new Set(entries.map((entry) => normal(hostsLine(entry))));
  return text
    .split(/(?<=\n)/)
    .filter((line) => !gone.has(normal(line)))
    .join("");
}

const normal = (line: string): string => line.trim().split(/\s+/).join(" ");

/** The container's /etc/hostname. */
export const buildHostname = (hostname: string): string => `${hostname}\n`;

/** What `host-gateway` stands for in `--add-host`. */
export const HOST_GATEWAY = "host-gateway";

/** `--add-host` values, checked by `parseExtraHost`, as lines. @param gateways addresses of the host as containers reach it, IPv4 and IPv6 @throws invalidParameter */
export function extraHostEntries(
  hosts: readonly { readonly name: string; readonly address: string }[],
  gateways: readonly string[],
): readonly HostsEntry[] {
  return hosts.flatMap(({ name, address }) => {
    if (address !== HOST_GATEWAY) return [{ address, names: name }];
    if (gateways.length === 0) throw invalid("unable to derive the IP value for host-gateway", { code: "no-host-gateway" });
    return gateways.map((gateway) => ({ address: gateway, names: name }));
  });
}
