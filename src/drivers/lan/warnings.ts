import { cidrContains, cidrOverlaps, parseCidr } from "#base";
import type { HostLink, NetworkRequest } from "../driver.ts";
import type { LanOptions } from "./options.ts";
import { lowestOf, type Parent } from "./parent.ts";

/** Drivers of virtual NICs: whether frames of other MACs pass is decided by a hypervisor, which often asks the guest's promiscuous flag. */
const VIRTUAL_NICS = new Set(["virtio_net", "vmxnet3", "hv_netvsc", "e1000", "pcnet32", "vif", "xen_netfront", "ena", "gve"]);

export const isVirtualNic = (link: HostLink | undefined): boolean => VIRTUAL_NICS.has(link?.driver ?? "");

/** What the user should know at once of the network they made, one sentence each. */
export function lanWarnings(request: NetworkRequest, options: LanOptions, parent: Parent): readonly string[] {
  if (options.isolated) return [];
  return [...macWarnings(options, parent), ...linkWarnings(parent), ...subnetWarnings(request, parent)];
}

function macWarnings({ link }: LanOptions, parent: Parent): string[] {
  const lowest = lowestOf(parent);
  if (!lowest) return [];
  if (link.kind === "ipvlan") {
    if (!lowest.wireless) return [];
    return [`parent interface ${lowest.name} is wireless: its access point may still refuse a second address of one client.`];
  }
  if (link.mode === "passthru") return [];
  const wayOut = "use the ipvlan driver, whose containers share the parent's MAC address";
  if (lowest.wireless) {
    return [`parent interface ${lowest.name} is wireless: an access point accepts one MAC address a client; ${wayOut}.`];
  }
  if (lowest.virtualFunction) {
    return [
      `parent interface ${lowest.name} is an SR-IOV virtual function, which is limited in its MAC addresses: trust it, or ${wayOut}.`,
    ];
  }
  if (isVirtualNic(lowest)) {
    return [
      `parent interface ${lowest.name} is a virtual NIC (${lowest.driver}): its hypervisor must let frames of other MAC addresses through (promiscuous mode, forged transmits), or ${wayOut}.`,
    ];
  }
  return [];
}

function linkWarnings(parent: Parent): string[] {
  const links = [parent.link, parent.master].filter((link) => link !== undefined);
  return links.flatMap((link) => {
    if (!link.up) return [`parent interface ${link.name} is down: containers reach nobody outside until it is up.`];
    return link.carrier === false ? [`parent interface ${link.name} has no carrier: containers reach nobody outside until it has.`] : [];
  });
}

/** Subnets that the parent has no address in: right for a LAN that the host itself has no leg in, and a common mistake. */
function subnetWarnings(request: NetworkRequest, parent: Parent): string[] {
  const own = (parent.link?.addresses ?? []).filter((address) => !/^(fe80:|169\.254\.)/i.test(address));
  if (own.length === 0) return [];
  const warnings: string[] = [];
  for (const family of [4, 6] as const) {
    if (!(family === 4 ? request.ipv4 : request.ipv6)) continue;
    const there = own.map(parseCidr).filter((cidr) => cidr.family === family);
    if (there.length === 0) continue;
    const has = own.filter((address) => parseCidr(address).family === family).join(", ");
    const subnets = request.subnets.filter((entry) => entry.family === family);
    if (subnets.length === 0) {
      warnings.push(
        `no IPv${family} subnet was given: containers get addresses of a pool that nobody on the LAN of ${parent.name} (${has}) knows; give its --subnet.`,
      );
    }
    for (const { subnet } of subnets) {
      const wanted = parseCidr(subnet);
      if (there.some((cidr) => cidrContains(cidr, wanted) || cidrContains(wanted, cidr) || cidrOverlaps(cidr, wanted))) continue;
      warnings.push(
        `subnet ${subnet} is not that of parent interface ${parent.name} (${has}): containers reach the LAN only by a router with a leg in both.`,
      );
    }
  }
  return warnings;
}
