import { cidrHas, familyOf, invalid, isIp, parseCidr, parseIp } from "#base";
import { IFNAME_OPTION, interfaceNameFault, isLanDriver, parseEndpointSysctls, parseLanOptions, sharesParentMac } from "#drivers";
import type { NetworkRecord } from "./records.ts";
import type { EndpointSpec } from "./types.ts";
import { PREDEFINED } from "./views.ts";

/** What can be said of endpoint settings while their network does not exist. @throws invalidParameter in Docker's words */
export function checkAddressSyntax(spec: EndpointSpec, prefix: string): void {
  const faults = syntaxFaults(spec);
  if (faults.length > 0)
    throw invalid(`${prefix}invalid endpoint settings:\n${faults.join("\n")}`, { code: "bad-endpoint", context: { faults } });
}

function syntaxFaults(spec: EndpointSpec): string[] {
  return ([4, 6] as const).flatMap((family) => {
    const address = family === 4 ? spec.ipv4 : spec.ipv6;
    return address && (!isIp(address) || familyOf(address) !== family) ? [`invalid IPv${family} address: ${address}`] : [];
  });
}

/** Checks endpoint settings against the network; every fault is listed. @throws invalidParameter in Docker's words */
export function checkEndpointSpec(network: NetworkRecord, spec: EndpointSpec, prefix: string): void {
  const faults: string[] = [];
  const predefined = PREDEFINED.has(network.name);
  if (predefined && (spec.aliases?.length ?? 0) > 0) faults.push("network-scoped aliases are only supported for user-defined networks");
  if (predefined && (spec.ipv4 || spec.ipv6)) faults.push("user-specified IP address is supported on user-defined networks only");
  const malformed = syntaxFaults(spec);
  faults.push(...malformed);
  for (const address of [spec.ipv4, spec.ipv6]) {
    if (!address || predefined || malformed.some((fault) => fault.endsWith(` ${address}`))) continue;
    const ip = parseIp(address);
    if (!network.pools.some((pool) => cidrHas(parseCidr(pool.subnet), ip)))
      faults.push(`no configured subnet contains IP address ${address}`);
  }
  const ifname = spec.driverOptions?.[IFNAME_OPTION];
  const unnameable = ifname ? interfaceNameFault(ifname) : undefined;
  if (unnameable) faults.push(`invalid interface name ${ifname}: ${unnameable}`);
  for (const address of spec.linkLocal ?? []) if (!isIp(address)) faults.push(`invalid link-local IP address: ${address}`);
  try {
    parseEndpointSysctls(spec.driverOptions?.["com.docker.network.endpoint.sysctls"] ?? "");
  } catch (error) {
    faults.push(error instanceof Error ? error.message : String(error));
  }
  if (faults.length > 0)
    throw invalid(`${prefix}invalid endpoint settings:\n${faults.join("\n")}`, { code: "bad-endpoint", context: { faults } });
  const linkLocal = (spec.linkLocal ?? []).find((address) => !/^169\.254\./.test(address) && !/^fe[89ab]/i.test(address));
  if (linkLocal !== undefined)
    throw invalid(`invalid link local IP address: ${linkLocal}`, { code: "bad-link-local", context: { address: linkLocal } });
  if (spec.mac && isLanDriver(network.driver) && sharesParentMac(parseLanOptions(network))) {
    const link = network.driver === "ipvlan" ? "ipvlan" : "macvlan passthru";
    throw invalid(`${link} interfaces do not support custom mac address assignment`, { code: "no-mac" });
  }
}
