import type { Host, LabProcess } from "#lab";

/** dnsmasq's shortest lease. */
export const RANGE4 = "--dhcp-range=192.168.56.100,192.168.56.110,2m";
/** Stateful DHCPv6: its router advertisements have flag M, and no prefix for stations to make addresses of. */
export const RANGE6 = "--dhcp-range=fd56::100,fd56::1ff,64,2m";
/** No addresses of IPv6: stations make them of the advertised prefix. */
export const SLAAC6 = "--dhcp-range=fd56::,ra-only,64,2m";

/** dnsmasq on the eth0 of a host of the lab; leases outlive it. What it says is its standard output. */
export async function serveDhcp(host: Host, ...flags: string[]): Promise<LabProcess> {
  const common = "--keep-in-foreground --conf-file=/dev/null --port=0 --interface=eth0 --bind-interfaces --no-ping --dhcp-authoritative";
  const files = "--dhcp-leasefile=/run/dnsmasq.leases --pid-file= --log-facility=- --log-dhcp";
  const server = host.spawn(`dnsmasq ${common} ${files} ${flags.join(" ")} 2>&1`);
  await server.waitFor(/dnsmasq-dhcp.*(range|advertisement)/);
  return server;
}
