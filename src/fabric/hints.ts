import { Errno, isErrno } from "#kernel/ffi";
import type { Operation } from "./diff.ts";
import type { LinkItem } from "./types.ts";

/** Kernel options that bring a kind of link, as `grep CONFIG_… /boot/config-*` shows them. */
const KERNEL_OPTION: Partial<Record<LinkItem["data"]["kind"], string>> = {
  dummy: "CONFIG_DUMMY",
  vlan: "CONFIG_VLAN_8021Q",
  macvlan: "CONFIG_MACVLAN",
  ipvlan: "CONFIG_IPVLAN",
  vxlan: "CONFIG_VXLAN",
  veth: "CONFIG_VETH",
  bridge: "CONFIG_BRIDGE",
};

const MODULE: Partial<Record<LinkItem["data"]["kind"], string>> = { vlan: "8021q" };

/** What a refusal of the kernel means and the way out, where its own words do not say; empty when they do. */
export function hintOf(operation: Operation, error: unknown): string {
  if (operation.action !== "create" || operation.item.type !== "link") return "";
  const { data, name } = operation.item;
  const parent = "parent" in data ? data.parent : undefined;
  if (isErrno(error, Errno.EOPNOTSUPP)) {
    const without = data.kind === "dummy" ? ", or name a parent with -o parent=" : "";
    return `this kernel has no ${data.kind} links (${KERNEL_OPTION[data.kind]}): load the module ${MODULE[data.kind] ?? data.kind}${without}`;
  }
  if (data.kind === "vlan" && isErrno(error, Errno.ENETDOWN))
    return `interface ${parent} is down: set it up first (ip link set ${parent} up)`;
  if (data.kind === "vlan" && isErrno(error, Errno.EEXIST))
    return `${parent} has a VLAN ${data.id} already, under another name than ${name}`;
  if (data.kind !== "macvlan" && data.kind !== "ipvlan") return "";
  if (isErrno(error, Errno.EBUSY))
    return `parent interface ${parent} carries macvlan or ipvlan of the other kind, or is a port of a bridge or bond`;
  if (isErrno(error, Errno.EINVAL) && data.kind === "macvlan") {
    return data.mode === "passthru"
      ? `mode passthru allows one macvlan on a parent, and ${parent} carries another`
      : `parent interface ${parent} may carry a macvlan in mode passthru, which allows no other`;
  }
  if (isErrno(error, Errno.EADDRINUSE)) return `another macvlan of parent interface ${parent} has this MAC address`;
  return "";
}
