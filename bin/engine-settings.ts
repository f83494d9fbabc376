import { ALIAS_PREFIX, type Log } from "#base";
import type { EngineConfig } from "#engine";
import { HostObserver } from "#fabric";
import type { DaemonConfig } from "#server";

/** The engine's settings from dockerd's flags. Where a real dockerd has docker0 already, ours is called otherwise. */
export function engineSettings(config: DaemonConfig, daemonId: string, log: Log): EngineConfig {
  const { defaultBridge: bridge, network, dns } = config;
  const optional = (name: string, value: string) => (value === "" ? {} : { [name]: value });
  return {
    dataRoot: config.dataRoot,
    execRoot: config.execRoot,
    daemonId,
    bridge: {
      name: bridge.name === "" ? freeBridgeName(log) : bridge.name,
      foreign: !["", "none", OWN_NAME].includes(bridge.name),
      ipv6: bridge.ipv6,
      ...optional("bip", bridge.bip),
      ...optional("bip6", bridge.bip6),
      ...optional("fixedCidr", bridge.fixedCidr),
      ...optional("fixedCidr6", bridge.fixedCidrV6),
      ...optional("defaultGateway", bridge.gateway),
      ...optional("defaultGateway6", bridge.gatewayV6),
    },
    defaults: {
      mtu: bridge.mtu,
      icc: bridge.icc,
      ipMasq: bridge.masquerade,
      ipForward: network.ipForward,
      firewall: network.firewall,
      hostBinding: bridge.hostIp || "0.0.0.0",
      allowDirectRouting: network.allowDirectRouting,
    },
    addressPools: network.addressPools,
    networkOptions: network.defaultOptions,
    dns,
    hostGatewayIps: config.hostGatewayIps,
  };
}

const OWN_NAME = "docker0";
const BESIDE_DOCKER = "fairway0";

function freeBridgeName(log: Log): string {
  using host = new HostObserver();
  const device = host.link(OWN_NAME);
  if (!device || device.alias?.startsWith(ALIAS_PREFIX)) return OWN_NAME;
  log.warn(`${OWN_NAME} belongs to another container engine on this host: the default bridge is ${BESIDE_DOCKER} here`);
  return BESIDE_DOCKER;
}
