import type { Family } from "#base";

export const PROTOCOLS = ["tcp", "udp", "sctp"] as const;
export type Protocol = (typeof PROTOCOLS)[number];

export const ANY4 = "0.0.0.0";
export const ANY6 = "::";
export const anyOf = (family: Family): string => (family === 4 ? ANY4 : ANY6);

/** Inclusive, 1 to 65535. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/** One value of HostConfig.PortBindings. */
export interface PortBinding {
  /** Empty for the network's default binding. */
  readonly hostIp: string;
  /** `""` or `"0"` ephemeral, `"8080"`, or `"8000-8010"`: the first free one. */
  readonly hostPort: string;
}

/** One published port, or a range that is as long on both sides; the shape drivers are given. */
export interface PublishedPort {
  readonly proto: Protocol;
  /** `0.0.0.0`, `::` or an address of the host's. */
  readonly hostIp: string;
  /** 0: open without a host port (routed gateway mode). */
  readonly hostPort: number;
  /** `hostPort` plus the number of ports less one: the last port of the range, equal to `hostPort` for one port. */
  readonly hostPortEnd: number;
  readonly containerPort: number;
}

/** `count` container ports from `containerPort` on that want as many host ports, the same on every address of `hostIps`. */
export interface PortRequest {
  readonly proto: Protocol;
  readonly containerPort: number;
  readonly count: number;
  readonly hostIps: readonly string[];
  /** `exact`: host ports from `from` on; `first`: one port, the first free; `ephemeral`: one port, any. */
  readonly host:
    | { readonly kind: "exact"; readonly from: number }
    | ({ readonly kind: "first" } & PortRange)
    | { readonly kind: "ephemeral" };
}

/** `0.0.0.0:80`, `[::]:80`, as Go's net.JoinHostPort. */
export const hostPortText = (ip: string, port: number | string): string => (ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`);
