import { ALIAS_PREFIX, type FairwayError, internal, shortId } from "#base";
import type { HostFacts, NetworkModel, NetworkRequest } from "../driver.ts";
import { dummyNameOf, isLanDriver, type LanOptions, parseLanOptions } from "./options.ts";
import type { Parent } from "./parent.ts";

/** Masters whose ports receive through them alone (rx_handler): a macvlan or ipvlan on such a port cannot be made. */
const TAKES_PORTS = new Set(["bridge", "bond", "team", "openvswitch"]);

/**
 * One link carries macvlan or ipvlan and not both, one passthru macvlan alone, and one ipvlan mode and flag: the kernel switches every ipvlan of
 * a parent when one of another mode is added (drivers/net/ipvlan). All of it is refused here, before an address is taken.
 * @throws internal, in Docker's words where it has some
 */
export function checkExclusive(request: NetworkRequest, options: LanOptions, parent: Parent, host: HostFacts): readonly string[] {
  if (!options.isolated) {
    for (const other of request.others()) {
      if (other.id === request.id || !isLanDriver(other.driver)) continue;
      const theirs = parseLanOptions(other);
      if (theirs.parent === options.parent) checkPair(options, theirs, other);
    }
  }
  return parent.link ? checkHostLinks(options, parent, host) : [];
}

function checkPair(ours: LanOptions, theirs: LanOptions, other: NetworkModel): void {
  const { parent } = ours;
  const refuse = (message: string): FairwayError =>
    internal(message, { code: "parent-in-use", context: { parent, holder: other.name, holderId: other.id } });
  const holder = `${theirs.link.kind} network "${other.name}" (${shortId(other.id)})`;
  if (ours.link.kind !== theirs.link.kind) {
    throw refuse(
      `failed to create the ${ours.link.kind} port: parent interface ${parent} carries ${holder}, and an interface carries macvlan or ipvlan, not both`,
    );
  }
  if (ours.link.kind === "macvlan" && theirs.link.kind === "macvlan") {
    if (ours.link.mode === "passthru") {
      throw refuse(`cannot use mode passthru, macvlan network ${other.id} is already using parent interface ${parent}`);
    }
    if (theirs.link.mode === "passthru") {
      throw refuse(`macvlan network ${other.id} is already using parent interface ${parent} in mode passthru`);
    }
  }
  if (ours.link.kind === "ipvlan" && theirs.link.kind === "ipvlan") {
    if (ours.link.mode === theirs.link.mode && ours.link.flag === theirs.link.flag) return;
    throw refuse(
      `network ${dummyNameOf("ipvlan", other.id)} is already using parent interface ${parent} in ipvlan mode ${theirs.link.mode} with flag ` +
        `${theirs.link.flag}, and all ipvlan networks of a parent have the same: use -o ipvlan_mode=${theirs.link.mode} -o ipvlan_flag=${theirs.link.flag}`,
    );
  }
}

/** Links that are not ours and hang on the parent, as far as they are in the host's namespace. @returns warnings */
function checkHostLinks(options: LanOptions, parent: Parent, host: HostFacts): string[] {
  const { kind, mode } = options.link;
  const refuse = (message: string, holder: string): FairwayError =>
    internal(`failed to create the ${kind} port: ${message}`, { code: "parent-in-use", context: { parent: parent.name, holder } });
  const warnings: string[] = [];
  for (const link of host.links()) {
    if (link.index === parent.link?.masterIndex && TAKES_PORTS.has(link.kind ?? "")) {
      throw refuse(`interface ${parent.name} is a port of ${link.name} (${link.kind}): use -o parent=${link.name}`, link.name);
    }
    if (link.parentIndex !== parent.link?.index || link.alias?.startsWith(ALIAS_PREFIX)) continue;
    const family = /^(macv|ipv)(lan|tap)$/.exec(link.kind ?? "")?.[1];
    if (family === undefined) continue;
    if (!kind.startsWith(family)) {
      const both = "an interface carries macvlan or ipvlan, not both";
      throw refuse(`parent interface ${parent.name} carries ${link.kind} ${link.name}, and ${both}`, link.name);
    }
    if (mode === "passthru") {
      throw refuse(`mode passthru allows one macvlan on a parent, and ${parent.name} carries ${link.name}`, link.name);
    }
    if (kind === "ipvlan") {
      warnings.push(`${link.name} on ${parent.name} is not Fairway's, and the kernel switches it to this network's ipvlan mode ${mode}.`);
    }
  }
  return warnings;
}
