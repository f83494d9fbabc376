import type { EndpointModel, HostFacts, HostLink, NetworkModel, NetworkRequest, Pool } from "../driver.ts";

/** A host of plain data for driver tests. */
export function fakeHost(links: readonly (Partial<HostLink> & { name: string })[] = [{ name: "eth0" }]): HostFacts {
  const all = links.map(
    (link, at): HostLink => ({ index: at + 2, mtu: 1500, up: true, carrier: true, wireless: false, addresses: [], ...link }),
  );
  return {
    link: (name) => all.find((link) => link.name === name),
    links: () => all,
    defaults: {
      ...{ mtu: 0, icc: true, ipMasq: true, ipForward: true, firewall: true, hostBinding: "0.0.0.0" },
      allowDirectRouting: false,
    },
  };
}

export const ID = "0123456789abcdef".repeat(4);
export const OTHER_ID = "fedcba9876543210".repeat(4);

export const lanRequest = (
  driver: "macvlan" | "ipvlan",
  options: Readonly<Record<string, string>>,
  extra: Partial<NetworkRequest> & { others?: () => Iterable<NetworkModel> } = {},
): NetworkRequest => ({
  ...{ id: ID, name: "blue", driver, ipv4: true, ipv6: false, internal: false, options },
  subnets: [{ family: 4, subnet: "192.168.56.0/24", gateway: "192.168.56.1" }],
  others: () => [],
  ...extra,
});

export const POOL: Pool = { family: 4, subnet: "192.168.56.0/24", gateway: "192.168.56.1", auxiliary: {} };
export const POOL6: Pool = { family: 6, subnet: "fd56::/64", auxiliary: {} };

export const lanModel = (
  driver: "macvlan" | "ipvlan",
  options: Readonly<Record<string, string>>,
  extra: Partial<NetworkModel> = {},
): NetworkModel => ({ ...{ id: ID, name: "blue", driver, ipv4: true, ipv6: false, internal: false, options, pools: [POOL] }, ...extra });

export const lanEndpoint = (extra: Partial<EndpointModel> = {}): EndpointModel => ({
  ...{ id: "e".repeat(64), sandbox: "/ns/c1", ifname: "eth0", ipv4: "192.168.56.31/24", linkLocal: [] },
  ...{ default4: true, default6: false, links: [], options: {} },
  ...extra,
});
