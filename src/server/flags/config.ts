import type { LogLevel } from "#base";
import type { AddressPool, RuntimeEntry, StringMap, UlimitEntry } from "./kinds.ts";
import type { Values } from "./table.ts";

/** Everything the daemon is told by flags and daemon.json, checked. Empty texts stand for "not given". */
export interface DaemonConfig {
  readonly hosts: readonly string[];
  readonly group: string;
  /** Paths of PEM files; undefined: no TLS. `ca` makes client certificates compulsory. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca?: string };
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly pidfile: string;
  readonly configFile: string;
  /** `sqlite`, or a URL as `openStore()` takes it. */
  readonly store: string;
  readonly logLevel: LogLevel;
  readonly logFormat: "text" | "json";
  readonly debug: boolean;
  readonly experimental: boolean;
  readonly labels: readonly string[];
  readonly validateOnly: boolean;
  readonly defaultBridge: DefaultBridgeConfig;
  readonly network: NetworkConfig;
  readonly dns: { readonly servers: readonly string[]; readonly options: readonly string[]; readonly search: readonly string[] };
  readonly hostGatewayIps: readonly string[];
  readonly registry: RegistryConfig;
  readonly containers: ContainersConfig;
}

export interface DefaultBridgeConfig {
  /** A bridge made by someone else; `none`: no default network; empty: docker0, ours. */
  readonly name: string;
  readonly bip: string;
  readonly bip6: string;
  readonly fixedCidr: string;
  readonly fixedCidrV6: string;
  readonly gateway: string;
  readonly gatewayV6: string;
  readonly icc: boolean;
  readonly hostIp: string;
  readonly ipv6: boolean;
  /** Bytes; 0: the kernel's 1500. */
  readonly mtu: number;
  readonly masquerade: boolean;
}

export interface NetworkConfig {
  readonly allowDirectRouting: boolean;
  readonly addressPools: readonly AddressPool[];
  /** driver → option → value */
  readonly defaultOptions: Readonly<Record<string, StringMap>>;
  readonly ipForward: boolean;
  /** False: no rules are made at all. */
  readonly firewall: boolean;
}

export interface RegistryConfig {
  readonly insecure: readonly string[];
  readonly mirrors: readonly string[];
  readonly maxDownloads: number;
  readonly maxUploads: number;
  readonly maxAttempts: number;
  readonly httpProxy: string;
  readonly httpsProxy: string;
  readonly noProxy: string;
}

export interface ContainersConfig {
  /** Path or name; empty: choose crun or runc. */
  readonly runtime: string;
  readonly runtimes: Readonly<Record<string, RuntimeEntry>>;
  readonly defaultRuntime: string;
  readonly cgroupParent: string;
  readonly cgroupnsMode: string;
  readonly ipcMode: string;
  /** Bytes. */
  readonly shmSize: number;
  readonly ulimits: Readonly<Record<string, UlimitEntry>>;
  readonly init: boolean;
  readonly initPath: string;
  readonly liveRestore: boolean;
  readonly logDriver: string;
  readonly logOptions: StringMap;
  readonly noNewPrivileges: boolean;
  readonly seccompProfile: string;
  /** Seconds. */
  readonly shutdownTimeout: number;
}

export const DEFAULT_HOST = "unix:///run/fairway.sock";

/** Values by flag name → the daemon's own words. */
export function toConfig(values: Values): DaemonConfig {
  return {
    hosts: values.host.length > 0 ? values.host : [DEFAULT_HOST],
    group: values.group,
    ...(values.tls || values.tlsverify
      ? { tls: { cert: values.tlscert, key: values.tlskey, ...(values.tlsverify ? { ca: values.tlscacert } : {}) } }
      : {}),
    dataRoot: values["data-root"],
    execRoot: values["exec-root"],
    pidfile: values.pidfile,
    configFile: values["config-file"],
    store: values.store,
    logLevel: values.debug ? "debug" : (values["log-level"] as LogLevel),
    logFormat: values["log-format"] as "text" | "json",
    debug: values.debug,
    experimental: values.experimental,
    labels: values.label,
    validateOnly: values.validate,
    defaultBridge: {
      name: values.bridge,
      bip: values.bip,
      bip6: values.bip6,
      fixedCidr: values["fixed-cidr"],
      fixedCidrV6: values["fixed-cidr-v6"],
      gateway: values["default-gateway"],
      gatewayV6: values["default-gateway-v6"],
      icc: values.icc,
      hostIp: values.ip,
      ipv6: values.ipv6,
      mtu: values.mtu,
      // Without a firewall nothing can masquerade; dockerd drops the wish silently too.
      masquerade: values["ip-masq"] && values.iptables,
    },
    network: {
      allowDirectRouting: values["allow-direct-routing"],
      addressPools: values["default-address-pool"],
      defaultOptions: values["default-network-opt"],
      ipForward: values["ip-forward"],
      firewall: values.iptables,
    },
    dns: { servers: values.dns, options: values["dns-opt"], search: values["dns-search"] },
    hostGatewayIps: values["host-gateway-ip"],
    registry: {
      insecure: values["insecure-registry"],
      mirrors: values["registry-mirror"],
      maxDownloads: values["max-concurrent-downloads"],
      maxUploads: values["max-concurrent-uploads"],
      maxAttempts: values["max-download-attempts"],
      httpProxy: values["http-proxy"] || (values.proxies["http-proxy"] ?? ""),
      httpsProxy: values["https-proxy"] || (values.proxies["https-proxy"] ?? ""),
      noProxy: values["no-proxy"] || (values.proxies["no-proxy"] ?? ""),
    },
    containers: {
      runtime: values.runtime,
      runtimes: values["add-runtime"],
      defaultRuntime: values["default-runtime"],
      cgroupParent: values["cgroup-parent"],
      cgroupnsMode: values["default-cgroupns-mode"],
      ipcMode: values["default-ipc-mode"],
      shmSize: values["default-shm-size"],
      ulimits: values["default-ulimit"],
      init: values.init,
      initPath: values["init-path"],
      liveRestore: values["live-restore"],
      logDriver: values["log-driver"],
      logOptions: values["log-opt"],
      noNewPrivileges: values["no-new-privileges"],
      seccompProfile: values["seccomp-profile"],
      shutdownTimeout: values["shutdown-timeout"],
    },
  };
}
