import { mkdirSync, writeFileSync } from "node:fs";
import { familyOf, isIp, messageOf } from "#base";
import {
  addHosts,
  buildHostname,
  buildHosts,
  buildResolvConf,
  EMPTY_RESOLV_CONF,
  type ExternalServer,
  extraHostEntries,
  type HostsEntry,
  hostsNames,
  linkNames,
  parseExtraHost,
  removeHosts,
} from "#dns";
import type { Context } from "./context.ts";
import { FileMarks, readText } from "./file-marks.ts";
import { readHostResolver } from "./host-resolver.ts";
import type { SandboxRecord } from "./records.ts";

type LinkedTo = (record: SandboxRecord) => readonly { alias: string; target: SandboxRecord }[];

/** /etc/hosts, /etc/hostname and /etc/resolv.conf of containers. They are bind-mounted, so they are rewritten in place. */
export class NetworkFiles {
  readonly #context: Context;
  readonly #linkedTo: LinkedTo;
  /** Lines of ours in the hosts files of open sandboxes. */
  readonly #lines = new Map<string, readonly HostsEntry[]>();
  readonly #marks: FileMarks;

  constructor(context: Context, linkedTo: LinkedTo) {
    this.#context = context;
    this.#marks = new FileMarks(context.log);
    this.#linkedTo = linkedTo;
  }

  /** Writes what changed. @returns the servers the embedded DNS forwards to; empty without it */
  write(record: SandboxRecord, embeddedDns: boolean): readonly ExternalServer[] {
    const { filesDir, hostname } = record.spec;
    mkdirSync(filesDir, { recursive: true });
    const hostnamePath = `${filesDir}/hostname`;
    if (readText(hostnamePath) !== buildHostname(hostname)) writeFileSync(hostnamePath, buildHostname(hostname));
    this.#replaceHosts(record);
    const { text, external } = this.#resolvConf(record, embeddedDns);
    this.#replace(`${filesDir}/resolv.conf`, text);
    return external;
  }

  /** A file that the user has edited is left as it is; so is one that says the same already. */
  #replace(path: string, text: string): void {
    const present = readText(path);
    const edited = present !== undefined && present !== text && this.#marks.isEdited(path, present);
    if (!edited) this.#marks.write(path, text, present);
  }

  /** In a hosts file that the user has edited, the lines that are ours follow the networks; the others stay. */
  #replaceHosts(record: SandboxRecord): void {
    const { spec } = record;
    const { text, lines } = this.#hosts(record);
    const before = this.#lines.get(spec.containerId) ?? [];
    this.#lines.set(spec.containerId, lines);
    const path = `${spec.filesDir}/hosts`;
    const present = readText(path);
    if (present === undefined || present === text || !this.#marks.isEdited(path, present)) {
      this.#marks.write(path, text, present);
      return;
    }
    const gone = before.filter((line) => !lines.some(({ address, names }) => line.address === address && line.names === names));
    const next = addHosts(removeHosts(present, gone), lines);
    if (next !== present) writeFileSync(path, next);
  }

  /** Finishes what `write` left to be done later. */
  close(): void {
    this.#marks.flush();
  }

  /** The sandbox is closed: what its hosts file says is history, and nothing comes into its directory any more, which may be removed now. */
  forget(containerId: string): void {
    this.#lines.delete(containerId);
    this.#marks.flush();
  }

  /** The whole file, and those of its lines that come and go with networks and links. */
  #hosts(record: SandboxRecord): { text: string; lines: readonly HostsEntry[] } {
    const { spec, attachments } = record;
    const extra = this.#extraHosts(record);
    if (spec.network.mode === "host" && extra.length === 0) return { text: readText("/etc/hosts") ?? buildHosts(true, [], []), lines: [] };
    const links = this.#linkedTo(record).flatMap(({ alias, target }): HostsEntry[] => {
      const bridge = this.#context.state.networkNamed("bridge");
      const address = target.attachments.find(({ networkId }) => networkId === bridge?.id)?.ipv4 ?? "";
      if (address === "") return [];
      return [
        { address: address.slice(0, address.indexOf("/")), names: linkNames(alias, target.spec.hostname, target.spec.containerName) },
      ];
    });
    const names = hostsNames(spec.hostname, spec.domainname);
    const own = attachments.flatMap(({ ipv4, ipv6, endpointId }) =>
      [ipv4, ipv6].flatMap((address) =>
        address === "" || endpointId === "" ? [] : [{ address: address.slice(0, address.indexOf("/")), names }],
      ),
    );
    const withoutIpv6 = spec.sysctls["net.ipv6.conf.all.disable_ipv6"] === "1";
    return { text: buildHosts(!withoutIpv6, [...extra, ...links], own), lines: [...links, ...own] };
  }

  #extraHosts(record: SandboxRecord): readonly HostsEntry[] {
    return extraHostEntries(record.spec.extraHosts.map(parseExtraHost), this.#hostGateways());
  }

  #hostGateways(): readonly string[] {
    const { hostGatewayIps } = this.#context.config;
    if (hostGatewayIps.length > 0) return hostGatewayIps;
    return this.#context.state.networkNamed("bridge")?.pools.flatMap(({ gateway }) => (gateway ? [gateway] : [])) ?? [];
  }

  #resolvConf(record: SandboxRecord, embeddedDns: boolean): { text: string; external: readonly ExternalServer[] } {
    const { dns, network } = record.spec;
    const { config } = this.#context;
    const pick = (own: readonly string[], daemons: readonly string[]) => (own.length > 0 ? own : daemons);
    const mode = network.mode === "host" ? "host" : embeddedDns ? "internal" : "legacy";
    const { host, path } = this.#hostResolver(mode === "legacy");
    return buildResolvConf({
      host,
      path,
      dns: {
        servers: pick(dns.servers, config.dns.servers).filter(isIp),
        search: pick(dns.search, config.dns.search),
        options: pick(dns.options, config.dns.options),
      },
      mode,
      ipv6: record.attachments.some(({ ipv6 }) => ipv6 !== "" && familyOf(ipv6) === 6),
    });
  }

  #hostResolver(legacy: boolean): ReturnType<typeof readHostResolver> {
    try {
      return readHostResolver(legacy);
    } catch (error) {
      this.#context.log.warn("host's resolv.conf not read", { error: messageOf(error) });
      return { host: EMPTY_RESOLV_CONF, path: "/etc/resolv.conf" };
    }
  }
}
