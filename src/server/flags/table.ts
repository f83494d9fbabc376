import { invalid, isIp } from "#base";
import * as kind from "./kinds.ts";

/** What becomes of an option here. */
export type Effect =
  | "used"
  /** Accepted with a warning that it does nothing. */
  | "ignored";

export interface Option<T> {
  readonly kind: kind.Kind<T>;
  readonly fallback: T;
  readonly help: string;
  readonly short?: string;
  /** Key in daemon.json where it is not the flag's name; null: the file may not hold it. */
  readonly key?: string | null;
  readonly effect: Effect;
  /** A running daemon takes a new value on SIGHUP. */
  readonly reload?: true;
  /** Not in `--help`: gone from today's dockerd, or file only. */
  readonly hidden?: true;
}

type More = Partial<Pick<Option<unknown>, "short" | "key" | "effect" | "reload" | "hidden">>;
const option = <T>(type: kind.Kind<T>, fallback: T, help: string, more: More = {}): Option<T> => ({
  effect: "used",
  ...more,
  kind: type,
  fallback,
  help,
});
const { bool, string, int, ip, cidr, list, map } = kind;
const ignored = { effect: "ignored" } as const;
const reload = { reload: true } as const;

const addresses = list((text) => {
  if (!isIp(text)) throw invalid(`${text} is not an ip address`);
});
const labels = list((text) => {
  if (!/^[^=]+=/.test(text)) throw invalid(`bad attribute format: ${text}`);
});
const domains = list((text) => {
  const domain = text.trim().replace(/\.$/, "");
  if (
    text.trim() !== "." &&
    !/^(?=.{1,255}$)[\p{L}\p{N}_]([\p{L}\p{N}_-]{0,61}[\p{L}\p{N}_])?(\.[\p{L}\p{N}_]([\p{L}\p{N}_-]{0,61}[\p{L}\p{N}_])?)*$/u.test(domain)
  )
    throw invalid(`${text} is not a valid domain`);
});
const keyValues = list((text) => {
  if (!text.includes("=")) throw invalid(`bad format: ${text}: want key=value`);
});
const NONE: readonly string[] = [];

/** Every flag of dockerd 20.10 to 28 (29 where it touches networking), and ours: one line each. Defaults that are paths are ours. */
export const options = {
  // Where it lives
  "config-file": option(string, "/etc/fairway/daemon.json", "Daemon configuration file", { key: null }),
  "data-root": option(string, "/var/lib/fairway", "Root directory of persistent state"),
  "exec-root": option(string, "/run/fairway", "Root directory for execution state files"),
  pidfile: option(string, "/run/fairway/fairwayd.pid", "Path to use for daemon PID file", { short: "p" }),
  store: option(string, "sqlite", "Where records are kept: sqlite, in the data root, or sqlite:/path"),
  validate: option(bool, false, "Validate daemon configuration and exit", { key: null }),
  version: option(bool, false, "Print version information and quit", { short: "v", key: null }),
  help: option(bool, false, "Print usage", { short: "h", key: null }),

  // How it is reached
  host: option(list(), NONE, "Daemon socket(s) to connect to", { short: "H", key: "hosts" }),
  group: option(string, "docker", "Group for the unix socket", { short: "G" }),
  tls: option(bool, false, "Use TLS; implied by --tlsverify"),
  tlsverify: option(bool, false, "Use TLS and verify the remote"),
  tlscacert: option(string, "", "Trust certs signed only by this CA"),
  tlscert: option(string, "", "Path to TLS certificate file"),
  tlskey: option(string, "", "Path to TLS key file"),
  "api-cors-header": option(string, "", "Set CORS headers in the Engine API", { ...ignored, hidden: true }),
  "authorization-plugin": option(list(), NONE, "Authorization plugins to load", { ...ignored, key: "authorization-plugins" }),
  "metrics-addr": option(string, "", "Set default address and port to serve the metrics api on", ignored),

  // What it says
  debug: option(bool, false, "Enable debug mode", { short: "D", ...reload }),
  "log-level": option(
    kind.oneOf("debug", "info", "warn", "error", "fatal"),
    "info",
    'Set the logging level ("debug"|"info"|"warn"|"error"|"fatal")',
    {
      short: "l",
      ...reload,
    },
  ),
  "log-format": option(kind.oneOf("text", "json"), "text", 'Set the logging format ("text"|"json")'),
  "raw-logs": option(bool, false, "Full timestamps without ANSI coloring", ignored),
  label: option(labels, NONE, "Set key=value labels to the daemon", { key: "labels", ...reload }),
  experimental: option(bool, false, "Enable experimental features"),
  feature: option(kind.boolMap, {}, "Enable feature in the daemon", { ...ignored, key: "features" }),

  // The default bridge
  bridge: option(string, "", "Attach containers to a network bridge", { short: "b" }),
  bip: option(cidr, "", "IPv4 address for the default bridge"),
  bip6: option(cidr, "", "IPv6 address for the default bridge"),
  "fixed-cidr": option(cidr, "", "IPv4 subnet for the default bridge network"),
  "fixed-cidr-v6": option(cidr, "", "IPv6 subnet for the default bridge network"),
  "default-gateway": option(ip, "", "Default gateway IPv4 address for the default bridge network"),
  "default-gateway-v6": option(ip, "", "Default gateway IPv6 address for the default bridge network"),
  icc: option(bool, true, "Enable inter-container communication for the default bridge network"),
  ip: option(ip, "0.0.0.0", "Host IP for port publishing from the default bridge network"),
  ipv6: option(bool, false, "Enable IPv6 networking for the default bridge network"),
  mtu: option(int, 0, "Set the MTU for the default bridge network"),

  // Every network
  "allow-direct-routing": option(bool, false, "Allow remote access to published ports on container IP addresses"),
  "bridge-accept-fwmark": option(string, "", "In bridge networks, accept packets with this firewall mark/mask", ignored),
  "default-address-pool": option(kind.addressPools, [], "Default address pools for node specific local networks", {
    key: "default-address-pools",
  }),
  "default-network-opt": option(kind.networkOptions, {}, "Default network options", { key: "default-network-opts" }),
  "firewall-backend": option(kind.oneOf("iptables", "nftables"), "nftables", "Firewall backend to use; there is nftables alone here"),
  "ip-forward": option(bool, true, "Enable IP forwarding in system configuration"),
  "ip-forward-no-drop": option(bool, false, "Do not set the filter-FORWARD policy to DROP when enabling IP forwarding", ignored),
  "ip-masq": option(bool, true, "Enable IP masquerading for the default bridge network"),
  iptables: option(bool, true, "Enable addition of firewall rules"),
  ip6tables: option(bool, true, "Enable addition of IPv6 firewall rules; here --iptables decides for both families"),
  "network-control-plane-mtu": option(int, 1500, "Network Control plane MTU", ignored),
  "network-diagnostic-port": option(int, 0, "TCP port of the network diagnostic server", { ...ignored, reload: true, hidden: true }),
  "userland-proxy": option(bool, true, "Use userland proxy for loopback traffic", ignored),
  "userland-proxy-path": option(string, "", "Path to the userland proxy binary", ignored),

  // Names
  dns: option(addresses, NONE, "DNS server to use"),
  "dns-opt": option(list(), NONE, "DNS options to use", { key: "dns-opts" }),
  "dns-search": option(domains, NONE, "DNS search domains to use"),
  "host-gateway-ip": option(addresses, NONE, "IP addresses that 'host-gateway' in --add-host resolves to", { key: "host-gateway-ips" }),

  // Registries
  "insecure-registry": option(list(), NONE, "Enable insecure registry communication", {
    ...ignored,
    key: "insecure-registries",
    reload: true,
  }),
  "registry-mirror": option(list(), NONE, "Preferred registry mirror", { ...ignored, key: "registry-mirrors", reload: true }),
  "allow-nondistributable-artifacts": option(list(), NONE, "Allow push of nondistributable artifacts to registry", {
    ...ignored,
    hidden: true,
    reload: true,
  }),
  "max-concurrent-downloads": option(int, 3, "Set the max concurrent downloads", { ...ignored, reload: true }),
  "max-concurrent-uploads": option(int, 5, "Set the max concurrent uploads", { ...ignored, reload: true }),
  "max-download-attempts": option(int, 5, "Set the max download attempts for each pull", { ...ignored, reload: true }),
  "http-proxy": option(string, "", "HTTP proxy URL to use for outgoing traffic", ignored),
  "https-proxy": option(string, "", "HTTPS proxy URL to use for outgoing traffic", ignored),
  "no-proxy": option(string, "", "Comma-separated list of hosts or IP addresses for which the proxy is skipped", ignored),
  proxies: option(kind.proxies, {}, "", { ...ignored, hidden: true }),

  // Containers
  runtime: option(string, "", "OCI runtime to use, a name or a path; crun or runc, as the host allows, unless given", { key: null }),
  "add-runtime": option(kind.runtimes, {}, "Register an additional OCI compatible runtime", { key: "runtimes" }),
  "default-runtime": option(string, "", "Default OCI runtime for containers"),
  "cgroup-parent": option(string, "", "Set parent cgroup for all containers"),
  "default-cgroupns-mode": option(kind.oneOf("host", "private"), "", 'Default mode for containers cgroup namespace ("host" | "private")'),
  "default-ipc-mode": option(kind.oneOf("shareable", "private"), "private", 'Default mode for containers ipc ("shareable" | "private")'),
  "default-shm-size": option(kind.bytes, 64 << 20, "Default shm size for containers", reload),
  "default-ulimit": option(kind.ulimits, {}, "Default ulimits for containers", { key: "default-ulimits", reload: true }),
  "exec-opt": option(keyValues, NONE, "Runtime execution options", { key: "exec-opts" }),
  init: option(bool, false, "Run an init in the container to forward signals and reap processes"),
  "init-path": option(string, "", "Path to the docker-init binary"),
  "live-restore": option(bool, true, "Leave containers running while the daemon is down", reload),
  "log-driver": option(string, "json-file", "Default driver for container logs"),
  "log-opt": option(map, {}, "Default log driver options for containers", { key: "log-opts" }),
  "no-new-privileges": option(bool, false, "Set no-new-privileges by default for new containers"),
  "seccomp-profile": option(string, "builtin", "Path to seccomp profile, or builtin, or unconfined"),
  "shutdown-timeout": option(int, 15, "Set the default shutdown timeout in seconds", reload),
  "storage-driver": option(string, "", "Storage driver to use", { short: "s" }),
  "storage-opt": option(list(), NONE, "Storage driver options", { ...ignored, key: "storage-opts" }),
  "cdi-spec-dir": option(list(), NONE, "CDI specification directories to use", { ...ignored, key: "cdi-spec-dirs" }),
  "cpu-rt-period": option(int, 0, "Limit the CPU real-time period in microseconds for the parent cgroup", ignored),
  "cpu-rt-runtime": option(int, 0, "Limit the CPU real-time runtime in microseconds for the parent cgroup", ignored),
  "node-generic-resource": option(list(), NONE, "Advertise user-defined resource", {
    ...ignored,
    key: "node-generic-resources",
    reload: true,
  }),
  "oom-score-adjust": option(int, 0, "Set the oom_score_adj for the daemon", ignored),
  rootless: option(bool, false, "Enable rootless mode", ignored),
  "selinux-enabled": option(bool, false, "Enable selinux support", ignored),
  "userns-remap": option(string, "", "User/Group setting for user namespaces", ignored),

  // Parts that are not here
  builder: option({ word: "", parse: () => ({}), fromFile: (value) => value }, {} as unknown, "", { ...ignored, hidden: true }),
  containerd: option(string, "", "containerd grpc address", ignored),
  "containerd-namespace": option(string, "moby", "Containerd namespace to use", ignored),
  "containerd-plugins-namespace": option(string, "plugins.moby", "Containerd namespace to use for plugins", ignored),
  "cri-containerd": option(bool, false, "start containerd with cri", { ...ignored, hidden: true }),
  "swarm-default-advertise-addr": option(string, "", "Set default address or interface for swarm advertised address", ignored),
  "cluster-store": option(string, "", "URL of the distributed storage backend", { ...ignored, hidden: true, reload: true }),
  "cluster-store-opt": option(map, {}, "Set cluster store options", { ...ignored, hidden: true, key: "cluster-store-opts", reload: true }),
  "cluster-advertise": option(string, "", "Address or interface name to advertise", { ...ignored, hidden: true, reload: true }),
} as const satisfies Record<string, Option<never> | Option<unknown>>;

export type OptionName = keyof typeof options;
/** A value for every option. */
export type Values = { readonly [N in OptionName]: (typeof options)[N] extends Option<infer T> ? T : never };
export const optionNames = Object.keys(options) as readonly OptionName[];

/** The key an option has in daemon.json, or null for one that the file may not hold. */
export function fileKey(name: OptionName): string | null {
  const { key } = options[name] as Option<unknown>;
  return key === undefined ? name : key;
}

/** Options without a flag: they stand in the file alone. */
export const FILE_ONLY: ReadonlySet<OptionName> = new Set(["proxies", "builder"]);
