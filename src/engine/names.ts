import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { messageOf, shortId } from "#base";
import type { SandboxTableItem } from "#fabric";
import type { Context } from "./context.ts";
import type { Attachment, NetworkRecord, SandboxRecord } from "./records.ts";
import { PREDEFINED } from "./views.ts";

/** Names of containers: zones and servers of the embedded DNS, the files in /etc, and legacy links. */
export class Names {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  /** Opens what the sandbox's own table must know about, before that table is made. */
  prepare(_record: SandboxRecord): void {}

  /** What the sandbox's nftables table has to say about names. */
  table(_record: SandboxRecord): Omit<SandboxTableItem, "type" | "ns"> | undefined {
    return undefined;
  }

  /** Puts the sandbox's names into its networks and writes its files: from now on it is found. */
  activate(record: SandboxRecord): void {
    this.writeFiles(record);
  }

  /** The container was renamed, or one it links to came or went. */
  update(record: SandboxRecord): void {
    this.writeFiles(record);
  }

  close(_record: SandboxRecord): void {}

  closeAll(): void {}

  writeFiles(record: SandboxRecord): void {
    const { filesDir, hostname } = record.spec;
    try {
      mkdirSync(filesDir, { recursive: true });
      writeFileSync(`${filesDir}/hostname`, `${hostname}\n`);
      writeFileSync(`${filesDir}/hosts`, record.spec.network.mode === "host" ? readFileSync("/etc/hosts") : this.#hosts(record));
      writeFileSync(`${filesDir}/resolv.conf`, readFileSync("/etc/resolv.conf"));
    } catch (error) {
      this.#context.log.error("network files not written", { container: record.spec.containerName, error: messageOf(error) });
    }
  }

  #hosts(record: SandboxRecord): string {
    const lines = ["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback"];
    for (const { ipv4 } of record.attachments) if (ipv4 !== "") lines.push(`${ipv4.slice(0, ipv4.indexOf("/"))}\t${record.spec.hostname}`);
    return `${lines.join("\n")}\n`;
  }

  /** Docker's DNSNames: container name, aliases, short id, hostname; null where there is no DNS. */
  dnsNames(record: SandboxRecord, networkId: string): readonly string[] | null {
    const network = this.#context.state.network(networkId);
    const attachment = record.attachments.find((candidate) => candidate.networkId === networkId);
    return network && attachment && hasDns(network) ? namesOf(record, attachment) : null;
  }

  /** Running containers this one links to in the old way, with the alias for each. */
  linkedTo(record: SandboxRecord): { alias: string; target: SandboxRecord }[] {
    return record.spec.links.flatMap((link) => {
      const { name, alias } = parseLink(link);
      const target = this.#context.state.sandboxNamed(name);
      return target?.up ? [{ alias, target }] : [];
    });
  }

  /** Running containers that link to this one in the old way. */
  linkersOf(record: SandboxRecord): SandboxRecord[] {
    const { containerName } = record.spec;
    const bridge = this.#context.state.networkNamed("bridge");
    if (!bridge) return [];
    return this.#context.state.membersOf(bridge.id).filter(({ up, spec }) => up && spec.links.some((link) => parseLink(link).name === containerName));
  }

  linkEnvironment(_record: SandboxRecord): readonly string[] {
    return [];
  }
}

/** User-defined networks have names; the predefined ones have not. */
export const hasDns = (network: NetworkRecord): boolean => !PREDEFINED.has(network.name);

export function namesOf(record: SandboxRecord, attachment: Attachment): readonly string[] {
  const { containerName, containerId, hostname } = record.spec;
  return [...new Set([containerName, ...(attachment.spec.aliases ?? []), shortId(containerId), hostname])].filter((name) => name !== "");
}

export function parseLink(link: string): { name: string; alias: string } {
  const [name = "", alias = name] = link.split(":");
  return { name: name.replace(/^\//, ""), alias: alias.slice(alias.lastIndexOf("/") + 1) };
}
