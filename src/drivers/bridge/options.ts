import { type FairwayError, familyOf, internal, invalid, isIp } from "#base";
import { boolOption } from "../go-values.ts";
import { interfaceNameFault } from "../sandbox-interface.ts";

/** `-o` keys of the bridge driver, Docker's names (docker-behaviour.md section 5). */
export const KEY = {
  name: "com.docker.network.bridge.name",
  icc: "com.docker.network.bridge.enable_icc",
  masquerade: "com.docker.network.bridge.enable_ip_masquerade",
  hostBinding: "com.docker.network.bridge.host_binding_ipv4",
  mtu: "com.docker.network.driver.mtu",
  gatewayMode4: "com.docker.network.bridge.gateway_mode_ipv4",
  gatewayMode6: "com.docker.network.bridge.gateway_mode_ipv6",
  inhibit4: "com.docker.network.bridge.inhibit_ipv4",
  trusted: "com.docker.network.bridge.trusted_host_interfaces",
  ifPrefix: "com.docker.network.container_iface_prefix",
  host4: "com.docker.network.host_ipv4",
  host6: "com.docker.network.host_ipv6",
  defaultBridge: "com.docker.network.bridge.default_bridge",
} as const;

export type GatewayMode = "nat" | "nat-unprotected" | "routed" | "isolated";
const GATEWAY_MODES: readonly string[] = ["nat", "nat-unprotected", "routed", "isolated"];

export interface BridgeOptions {
  readonly bridge: string;
  readonly icc: boolean;
  readonly masquerade: boolean;
  readonly hostBinding: string;
  /** 0: the kernel's default. */
  readonly mtu: number;
  readonly mode4: GatewayMode;
  readonly mode6: GatewayMode;
  readonly inhibit4: boolean;
  readonly trusted: readonly string[];
  readonly host4?: string;
  readonly host6?: string;
  readonly defaultBridge: boolean;
}

/** `br-` and the first 12 digits of the network's id. */
export const bridgeNameOf = (id: string): string => `br-${id.slice(0, 12)}`;

/** Every option's value. The daemon's own flags (`--icc`, `--ip`, `--mtu`) are for the default bridge, which has them as options. @throws invalidParameter or internal, in Docker's words, at the first that is wrong */
export function parseBridgeOptions(id: string, internalNetwork: boolean, options: Readonly<Record<string, string>>): BridgeOptions {
  const bridge = options[KEY.name] || bridgeNameOf(id);
  const fault = interfaceNameFault(bridge);
  if (fault) throw badName(bridge, fault);
  const prefix = options[KEY.ifPrefix];
  if (prefix) checkInterface(KEY.ifPrefix, prefix, `${prefix}0`);
  const parsed: BridgeOptions = {
    bridge,
    icc: boolOption(options, KEY.icc, true),
    masquerade: boolOption(options, KEY.masquerade, true),
    hostBinding: hostBinding(options[KEY.hostBinding]),
    mtu: mtuOf(options[KEY.mtu]),
    mode4: gatewayMode(options, KEY.gatewayMode4, internalNetwork),
    mode6: gatewayMode(options, KEY.gatewayMode6, internalNetwork),
    inhibit4: boolOption(options, KEY.inhibit4, false),
    trusted: interfaces(options[KEY.trusted] ?? ""),
    ...hostAddress(options, KEY.host4, 4, "host4"),
    ...hostAddress(options, KEY.host6, 6, "host6"),
    defaultBridge: boolOption(options, KEY.defaultBridge, false),
  };
  return parsed;
}

const badName = (name: string, why: string): FairwayError =>
  invalid(`failed to add interface ${name} to sandbox: ${why}`, { code: "bad-bridge-name", context: { name } });

/** `eth0:eth1` */
function interfaces(text: string): readonly string[] {
  const names = text.split(":").filter((name) => name !== "");
  for (const name of names) checkInterface(KEY.trusted, text, name);
  return names;
}

function checkInterface(key: string, value: string, name: string): void {
  const fault = interfaceNameFault(name);
  if (fault) throw invalid(`failed to parse ${key} value: ${value} (${fault})`, { code: "bad-option", context: { key, value } });
}

function hostBinding(text: string | undefined): string {
  if (text === undefined) return "0.0.0.0";
  if (!isIp(text))
    throw invalid(`failed to parse ${KEY.hostBinding} value: ${text} (nil ip)`, {
      code: "bad-option",
      context: { key: KEY.hostBinding, value: text },
    });
  return text;
}

function mtuOf(text: string | undefined): number {
  if (text === undefined || text === "") return 0;
  if (!/^[+-]?\d+$/.test(text)) {
    throw invalid(`failed to parse ${KEY.mtu} value: ${text} (strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax)`, {
      code: "bad-option",
      context: { key: KEY.mtu, value: text },
    });
  }
  const mtu = Number(text);
  // 68: RFC 791; 65535: the largest the bridge and veth drivers take.
  if (mtu < 0 || mtu > 65535 || (mtu > 0 && mtu < 68))
    throw invalid(`invalid MTU number: ${text}`, { code: "bad-option", context: { key: KEY.mtu, value: text } });
  return mtu;
}

function gatewayMode(options: Readonly<Record<string, string>>, key: string, internalNetwork: boolean): GatewayMode {
  const text = options[key] || "nat";
  if (!GATEWAY_MODES.includes(text)) {
    throw invalid(`failed to parse ${key} value: ${text} (unknown gateway mode ${text})`, {
      code: "bad-option",
      context: { key, value: text },
    });
  }
  if (text === "isolated" && !internalNetwork) {
    throw internal("gateway mode 'isolated' can only be used for an internal network", {
      code: "bad-option",
      context: { key, value: text },
    });
  }
  return text as GatewayMode;
}

function hostAddress(
  options: Readonly<Record<string, string>>,
  key: string,
  family: 4 | 6,
  field: "host4" | "host6",
): Partial<BridgeOptions> {
  const text = options[key];
  if (text === undefined || text === "") return {};
  if (!isIp(text) || familyOf(text) !== family) {
    throw invalid(`failed to parse ${key} value: ${text} (invalid IPv${family} address)`, {
      code: "bad-option",
      context: { key, value: text },
    });
  }
  return { [field]: text };
}
