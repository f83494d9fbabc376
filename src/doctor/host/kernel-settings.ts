import { type Check, fail, ok, warn } from "../check.ts";
import { type HostFiles, readNumber } from "./files.ts";

/** Sysctls that decide whether packets get through, read and never written. `uplink`: the link of the default route. */
export function kernelSettings(files: HostFiles, uplink: string | undefined): Check[] {
  return [forwarding(files), bridgeNetfilter(files), ipv6(files, uplink), ...neighbourTables(files), ...connections(files)];
}

function forwarding(files: HostFiles): Check {
  if (readNumber(files, "/proc/sys/net/ipv4/ip_forward") === 1) return ok("ip-forward", "IPv4 forwarding is on.");
  const wayOut =
    "fairwayd turns it on with the first network that needs it, unless --ip-forward=false: then sysctl -w net.ipv4.ip_forward=1";
  return warn("ip-forward", "IPv4 forwarding is off: containers reach only their own bridge.", wayOut);
}

function bridgeNetfilter(files: HostFiles): Check {
  const state = readNumber(files, "/proc/sys/net/bridge/bridge-nf-call-iptables");
  if (state === undefined)
    return ok("br-netfilter", "br_netfilter is not loaded: bridged packets do not meet IP rules. Fairway does not need it.");
  if (state === 0) return ok("br-netfilter", "br_netfilter is loaded and off for IPv4.");
  return ok(
    "br-netfilter",
    "br_netfilter is on: packets between containers of one bridge meet the host's IP rules too. Fairway's let them through.",
  );
}

function ipv6(files: HostFiles, uplink: string | undefined): Check {
  const disabled = readNumber(files, "/proc/sys/net/ipv6/conf/all/disable_ipv6");
  if (disabled === undefined)
    return warn("ipv6", "This kernel runs without IPv6: networks with --ipv6 cannot be made.", "boot without ipv6.disable=1");
  if (disabled === 1)
    return warn("ipv6", "IPv6 is turned off on all links.", "sysctl -w net.ipv6.conf.all.disable_ipv6=0, where IPv6 networks are wanted");
  const forwards = readNumber(files, "/proc/sys/net/ipv6/conf/all/forwarding") === 1;
  const accepts = uplink === undefined ? undefined : readNumber(files, `/proc/sys/net/ipv6/conf/${uplink}/accept_ra`);
  if (forwards && accepts === 1) {
    const finding = `${uplink} ignores router advertisements, because IPv6 forwarding is on and its accept_ra is 1: the host may lose its IPv6 default route.`;
    return warn("ipv6", finding, `sysctl -w net.ipv6.conf.${uplink}.accept_ra=2, where that route comes from a router's advertisements`);
  }
  return ok("ipv6", `IPv6 is there; forwarding is ${forwards ? "on" : "off, and turned on with the first IPv6 network"}.`);
}

/** Each container that the host talks to takes an entry; a full table drops packets without a word. */
function neighbourTables(files: HostFiles): Check[] {
  const limit = readNumber(files, "/proc/sys/net/ipv4/neigh/default/gc_thresh3");
  const used = (files.read("/proc/net/arp") ?? "").split("\n").length - 2;
  if (limit === undefined) return [];
  if (used < limit * 0.8) return [ok("neighbour-table", `${Math.max(used, 0)} of ${limit} neighbour entries in use.`)];
  const wayOut = `sysctl -w net.ipv4.neigh.default.gc_thresh3=${limit * 8} net.ipv4.neigh.default.gc_thresh2=${limit * 4}`;
  return [
    (used < limit ? warn : fail)(
      "neighbour-table",
      `${used} of ${limit} neighbour entries in use: a full table drops packets to containers.`,
      wayOut,
    ),
  ];
}

function connections(files: HostFiles): Check[] {
  const limit = readNumber(files, "/proc/sys/net/netfilter/nf_conntrack_max");
  const used = readNumber(files, "/proc/sys/net/netfilter/nf_conntrack_count");
  if (limit === undefined || used === undefined) return [];
  if (used < limit * 0.8) return [ok("conntrack-table", `${used} of ${limit} connections tracked.`)];
  const finding = `${used} of ${limit} connections tracked: a full table drops new ones.`;
  return [(used < limit * 0.98 ? warn : fail)("conntrack-table", finding, `sysctl -w net.netfilter.nf_conntrack_max=${limit * 4}`)];
}
