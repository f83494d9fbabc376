import { readlinkSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import { ALIAS_PREFIX, FairwayError, HOST, messageOf } from "#base";
import { rivalsOf, socketHolder } from "#fabric";
import { RouteSocket } from "#kernel/rtnetlink";
import { type Check, fail } from "./check.ts";
import { FirewallInspector, type RunProgram } from "./firewall/inspector.ts";
import { firewallChecks } from "./firewall/obstacles.ts";
import { type HostFiles, hostFiles } from "./host/files.ts";
import { kernelFeatures } from "./host/kernel-features.ts";
import { kernelSettings } from "./host/kernel-settings.ts";
import { otherEngines } from "./host/other-engines.ts";
import { cgroups, PROGRAMS } from "./host/programs.ts";
import { dataRoot, fileSystemOf, limits } from "./host/resources.ts";
import { savedRulesets } from "./host/saved-ruleset.ts";
import { uplinkOf } from "./host/uplink.ts";
import { driftChecks, type Known, leakChecks, remains } from "./leaks.ts";
import { type NetworkWarning, networkChecks } from "./networks.ts";
import { type HostSockets, type PublishedPort, portChecks } from "./ports.ts";

export interface DoctorOptions {
  readonly run: RunProgram;
  readonly dataRoot: string;
  readonly execRoot: string;
  /** Undefined without a daemon. */
  readonly known?: Known & { published(): Promise<readonly PublishedPort[]>; networkWarnings(): readonly NetworkWarning[] };
}

/** Every check, in the order in which a network needs what they are about. A check that cannot be made fails by itself; the others go on. */
export async function examineHost(options: DoctorOptions): Promise<readonly Check[]> {
  const { run, known, execRoot } = options;
  const files = hostFiles;
  const checks: Check[] = [];
  const add = async (name: string, make: () => readonly Check[] | Promise<readonly Check[]>) => {
    try {
      checks.push(...(await make()));
    } catch (error) {
      const wayOut = error instanceof FairwayError && error.code === "nft-failed" ? "apt-get install nftables" : "run as root";
      checks.push(fail(name, `This could not be examined: ${messageOf(error)}.`, wayOut));
    }
    // The daemon answers DNS in the same thread: it gets its turn between any two checks.
    await turn();
  };
  const { links, addresses, uplink } = readLinks();
  await add("kernel", () => kernelFeatures(files));
  await add("kernel-settings", () => kernelSettings(files, uplink));
  for (const check of PROGRAMS) await add("programs", () => [check(run, files)]);
  await add("cgroups", () => [cgroups(files)]);
  await add("firewall", () => {
    using inspector = new FirewallInspector(run);
    return firewallChecks(inspector.inspect());
  });
  await add("saved-ruleset", () => savedRulesets(files));
  await add("other-engines", () => otherEngines(files, links, namespaceOf));
  await add("data-root", () => dataRoot(options.dataRoot, fileSystemOf(options.dataRoot)));
  await add("limits", () => limits(files, known?.pid));
  if (known) {
    await add("networks", () => networkChecks(known.networkWarnings()));
    await add("drift", () => driftChecks(known.drift()));
    await add("leaks", () => leakChecks(files, { dataRoot: options.dataRoot, execRoot }, known));
    await add("ports", async () => portChecks(await known.published(), hostSockets(files, addresses)));
  } else {
    const ours = links.filter(({ alias }) => alias?.startsWith(ALIAS_PREFIX)).map(({ name }) => name);
    await add("remains", () => [remains(files, { dataRoot: options.dataRoot, execRoot }, ours)]);
  }
  return checks;
}

function readLinks() {
  using socket = RouteSocket.open(HOST);
  const links = socket.links();
  return { links, addresses: socket.addresses(), uplink: uplinkOf(socket, links) };
}

function namespaceOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return undefined;
  }
}

function hostSockets(files: HostFiles, links: readonly { readonly address: string }[]): HostSockets {
  const addresses = new Set(["0.0.0.0", "::", ...links.map(({ address }) => address.split("/")[0]!)]);
  const own = ownSockets(files);
  return {
    isLocal: (address) => address.startsWith("127.") || addresses.has(address),
    rivals: rivalsOf,
    isOwn: (inode) => own.has(inode),
    holder: (inode) => socketHolder([inode]),
  };
}

/** Inodes of this process' sockets. */
function ownSockets(files: HostFiles): ReadonlySet<number> {
  return new Set(
    files.list("/proc/self/fd").flatMap((fd) => {
      try {
        const [, inode] = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`)) ?? [];
        return inode === undefined ? [] : [Number(inode)];
      } catch {
        return [];
      }
    }),
  );
}
