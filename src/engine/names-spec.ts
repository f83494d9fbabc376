import { parseExtraHost, validateDnsOption, validateDnsSearch, validateDnsServer, validateHostname } from "#dns";
import type { SandboxSpec } from "./types.ts";

/** Refuses what resolv.conf, hosts and hostname could not hold, or would read as something else. @throws invalidParameter */
export function validateNames({ hostname, domainname, dns, extraHosts }: SandboxSpec): void {
  validateHostname(hostname);
  validateHostname(domainname);
  for (const server of dns.servers) validateDnsServer(server);
  for (const domain of dns.search) validateDnsSearch(domain);
  for (const option of dns.options) validateDnsOption(option);
  for (const host of extraHosts) parseExtraHost(host);
}
