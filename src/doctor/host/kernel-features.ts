import { release } from "node:os";
import { messageOf } from "#base";
import { rulesetText } from "#fabric";
import { type NamespaceHandle, newNamespace } from "#kernel/netns";
import { loadRuleset } from "#kernel/nftables";
import { encodeNewLink, type LinkInfo, type LinkRequest, RouteSocket } from "#kernel/rtnetlink";
import { type Check, fail, ok, warn } from "../check.ts";
import type { HostFiles } from "./files.ts";

interface Feature {
  readonly name: string;
  /** What does not work without it; `fail` where nothing does. */
  readonly needed: string;
  readonly vital: boolean;
  readonly module: string;
  try(socket: RouteSocket, namespace: NamespaceHandle): void;
}

const link = (
  kind: string,
  needed: string,
  vital: boolean,
  module: string,
  request: (parent: number) => LinkRequest & { info: LinkInfo },
): Feature => ({
  ...{ name: kind, needed, vital, module },
  try: (socket) => socket.request(encodeNewLink(request(socket.indexOf("fw-parent") ?? 0))),
});

const nft = (name: string, needed: string, module: string, text: string): Feature => ({
  ...{ name: `nftables-${name}`, needed, vital: true, module },
  try: (_, namespace) => loadRuleset(text, namespace),
});

/** Each is tried as Fairway uses it. A kernel built with modules loads them for it, as it would for the network itself. */
const FEATURES: readonly Feature[] = [
  link("veth", "joining containers to a bridge", true, "veth", () => ({
    name: "fw-parent",
    info: { kind: "veth" },
    peer: { name: "fw-peer" },
  })),
  link("bridge", "bridge networks", true, "bridge", () => ({ name: "fw-bridge", info: { kind: "bridge" } })),
  link("macvlan", "macvlan networks", false, "macvlan", (parent) => ({
    name: "fw-macvlan",
    parent,
    info: { kind: "macvlan", mode: "bridge" },
  })),
  link("8021q", "VLAN sub-interfaces, -o parent=eth0.10", false, "8021q", (parent) => ({
    name: "fw-vlan",
    parent,
    info: { kind: "vlan", id: 10 },
  })),
  link("vxlan", "overlay networks", false, "vxlan", () => ({ name: "fw-vxlan", info: { kind: "vxlan", id: 42, port: 4789 } })),
  link("dummy", "macvlan and ipvlan networks without a parent", false, "dummy", () => ({ name: "fw-dummy", info: { kind: "dummy" } })),
  {
    ...{ name: "ipvlan", needed: "ipvlan networks", vital: false, module: "ipvlan" },
    // A parent carries macvlan or ipvlan, not both: the other end of the veth is this one's.
    try: (socket) =>
      socket.request(
        encodeNewLink({ name: "fw-ipvlan", parent: socket.indexOf("fw-peer") ?? 0, info: { kind: "ipvlan", mode: "l2", flag: "bridge" } }),
      ),
  },
  ...(["inet", "bridge"] as const).map((family) =>
    nft(
      family,
      `the firewall's table ${family} fairway`,
      family === "inet" ? "nf_tables_inet" : "nf_tables_bridge",
      `add table ${family} t; add chain ${family} t c { type filter hook forward priority 0; }`,
    ),
  ),
  nft(
    "conntrack",
    "isolation that lets replies through",
    "nf_conntrack",
    "add table inet t; add chain inet t k; add rule inet t k ct state established,related accept",
  ),
  nft(
    "nat",
    "masquerade and published ports",
    "nft_chain_nat",
    "add table inet t; add chain inet t n { type nat hook postrouting priority srcnat; }; add rule inet t n masquerade",
  ),
  nft(
    "fib",
    "published ports on every address of the host",
    "nft_fib_inet",
    "add table inet t; add chain inet t f { type filter hook prerouting priority 0; }; add rule inet t f fib daddr type local accept",
  ),
  {
    ...{ name: "nftables-ruleset", needed: "Fairway's own ruleset", vital: true, module: "nf_tables" },
    try: (_, namespace) => loadRuleset(rulesetText(), namespace),
  },
];

/** Tries what networks need, in a network namespace made for it: it ends with the check, and so does all in it. */
export function kernelFeatures(files: HostFiles): Check[] {
  let namespace: NamespaceHandle;
  try {
    namespace = newNamespace("doctor");
  } catch (error) {
    return [fail("kernel", `No network namespace can be made: ${messageOf(error)}.`, "run as root, with CAP_SYS_ADMIN and CAP_NET_ADMIN")];
  }
  const checks: Check[] = [];
  try {
    using socket = RouteSocket.open(namespace);
    for (const feature of FEATURES) checks.push(tryFeature(feature, socket, namespace));
  } finally {
    namespace.close();
  }
  return summed([...checks, overlay(files)]);
}

function tryFeature({ name, needed, vital, module, try: attempt }: Feature, socket: RouteSocket, namespace: NamespaceHandle): Check {
  try {
    attempt(socket, namespace);
    return ok(`kernel-${name}`, `${name} works.`);
  } catch (error) {
    const finding = `This kernel (${release()}) has no ${name}: ${messageOf(error)}. Needed for ${needed}.`;
    return (vital ? fail : warn)(`kernel-${name}`, finding, `modprobe ${module}, or a kernel that has it, as Debian's linux-image`);
  }
}

function overlay(files: HostFiles): Check {
  const known = /^nodev\toverlay$/m.test(files.read("/proc/filesystems") ?? "");
  const module = /(^|\/)overlay\.ko/m.test(files.read(`/lib/modules/${release()}/modules.dep`) ?? "");
  if (known || module) return ok("kernel-overlayfs", known ? "overlayfs works." : "overlayfs is a module that the first mount loads.");
  return fail(
    "kernel-overlayfs",
    `This kernel (${release()}) has no overlayfs: no container can have a root.`,
    "modprobe overlay, or a kernel that has it",
  );
}

/** What works is one line: twenty of them say no more. */
function summed(checks: readonly Check[]): Check[] {
  const working = checks.filter(({ status }) => status === "ok").map(({ name }) => name.replace("kernel-", ""));
  const rest = checks.filter(({ status }) => status !== "ok");
  return [...(working.length > 0 ? [ok("kernel", `Tried and working: ${working.join(", ")}.`)] : []), ...rest];
}
