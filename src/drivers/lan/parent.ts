import { aliasOf, type FairwayError, HOST, internal } from "#base";
import type { LinkItem } from "#fabric";
import type { HostFacts, HostLink } from "../driver.ts";
import type { LanOptions } from "./options.ts";

/** The link that containers hang on, as it is and as it will be. */
export interface Parent {
  readonly name: string;
  /** As the host has it now; a VLAN or dummy of ours may be still to be made. */
  readonly link?: HostLink;
  /** Of a VLAN that we make: the link below it. */
  readonly master?: HostLink;
  /** The link of ours that is wanted here; absent when somebody else made the parent. */
  readonly item?: LinkItem;
}

/**
 * What a parent made for networks looks like. It says nothing of any one of them: several want the very same item, and the fabric keeps it until
 * the last lets go.
 */
const parentLink = (name: string, data: LinkItem["data"]): LinkItem => ({
  ...{ type: "link", ns: HOST, name, data, alias: aliasOf("parent", name), up: true },
});

/**
 * The parent as far as the host knows it; never fails, because a network must be restored on a host whose NIC is gone today.
 * A link is ours by its alias alone: an `eth0.10` that was there before is never changed or removed.
 */
export function findParent(options: LanOptions, host: HostFacts): Parent {
  const name = options.parent;
  const link = host.link(name);
  if (link && link.alias !== aliasOf("parent", name)) return { name, link };
  if (options.isolated || link?.kind === "dummy") return { name, ...(link ? { link } : {}), item: parentLink(name, { kind: "dummy" }) };
  const vlan = splitVlan(name);
  if (!vlan) return { name, ...(link ? { link } : {}) };
  const master = host.link(vlan.master);
  return {
    name,
    ...(link ? { link } : {}),
    ...(master ? { master } : {}),
    item: parentLink(name, { kind: "vlan", parent: vlan.master, id: vlan.id }),
  };
}

/** `eth0.10` → eth0 and 10; the last dot counts, as links may have dots in their own names. */
function splitVlan(name: string): { master: string; id: number } | undefined {
  const match = /^(.+)\.([+-]?\d+)$/.exec(name);
  return match ? { master: match[1]!, id: Number(match[2]) } : undefined;
}

/** The parent for a new network. @throws internal in Docker's words when it is not there and cannot be made */
export function checkParent(options: LanOptions, host: HostFacts): Parent {
  const parent = findParent(options, host);
  if (parent.link || options.isolated) return parent;
  const { name } = parent;
  const fail = (message: string): FairwayError => internal(message, { code: "bad-parent", context: { parent: name } });
  const parts = name.split(".");
  if (parts.length < 2) throw fail(`invalid subinterface vlan name ${name}, example formatting is eth0.10`);
  const [master, id] = [parts.slice(0, -1).join("."), parts.at(-1)!];
  if (parts.length > 2 && !host.link(master)) {
    throw fail(`required interface name format is: name.vlan_id, ex. eth0.10 for vlan 10, instead received ${name}`);
  }
  if (!/^[+-]?\d{1,18}$/.test(id)) throw fail(`unable to parse a valid vlan id from: ${id} (ex. eth0.10 for vlan 10)`);
  if (!host.link(master)) throw fail(`-o parent interface was not found on the host: ${master}`);
  if (Number(id) < 1 || Number(id) > 4094) throw fail(`vlan id must be between 1-4094, received: ${Number(id)}`);
  if (Buffer.byteLength(name) > 15) {
    throw fail(`failed to create ${name} vlan link: numerical result out of range: an interface name has at most 15 characters`);
  }
  return parent;
}

/** The physical side of a parent: what decides which MACs the LAN will hear of. */
export const lowestOf = (parent: Parent): HostLink | undefined => parent.master ?? parent.link;
