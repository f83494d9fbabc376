import type { ContainerConfig, Healthcheck, HostConfig, MountJson } from "./types.ts";

/** One mount of a container beside its root filesystem; the upper-case fields are Docker's MountPoint. */
export interface MountPoint {
  readonly Type: "bind" | "volume" | "tmpfs";
  readonly Name?: string;
  readonly Source: string;
  readonly Destination: string;
  readonly Driver?: string;
  readonly Mode: string;
  readonly RW: boolean;
  readonly Propagation: string;
  /** An anonymous volume goes with `rm -v` and `--rm`. */
  readonly anonymous?: boolean;
  /** Fill an empty volume with what the image has at the destination. */
  readonly copyUp?: boolean;
  /** `--mount` options Docker keeps to itself. */
  readonly options?: Pick<MountJson, "BindOptions" | "TmpfsOptions">;
}

/** Where a container is. `starting` is an intent: on disk before anything is done; a daemon that finds it undoes what there is and starts anew. */
export type Phase = "created" | "starting" | "running" | "paused" | "exited" | "dead";

export interface HealthState {
  readonly Status: "starting" | "healthy" | "unhealthy";
  readonly FailingStreak: number;
  readonly Log: readonly { Start: string; End: string; ExitCode: number; Output: string }[];
}

/** What is kept of a container in the store, key `container/<id>`. Times are RFC 3339 with nanoseconds, `ZERO_TIME` for never. */
export interface ContainerRecord {
  readonly id: string;
  readonly name: string;
  readonly created: string;
  /** The image as the client named it, and its id. */
  readonly image: string;
  readonly imageId: string;
  readonly path: string;
  readonly args: readonly string[];
  /** Merged with the image's. */
  readonly config: ContainerConfig & { Healthcheck?: Healthcheck | null };
  readonly hostConfig: HostConfig;
  readonly mounts: readonly MountPoint[];
  readonly phase: Phase;
  readonly pid: number;
  /** Field 22 of /proc/PID/stat, so that a reused pid is not taken for ours. */
  readonly pidStart: string;
  readonly conmonPid: number;
  readonly conmonStart: string;
  readonly exitCode: number;
  readonly error: string;
  readonly oomKilled: boolean;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly restartCount: number;
  /** An intent as well: finished by the next start of the daemon. */
  readonly removing: boolean;
  /** Waiting for its restart policy's next try. */
  readonly restarting: boolean;
  /** The user stopped it: `unless-stopped` leaves it so, and no policy fights it. */
  readonly stoppedByUser: boolean;
  /** resolv.conf, hosts and hostname as the engine last gave them. */
  readonly files: { readonly resolvConf: string; readonly hosts: string; readonly hostname: string };
}

export const ZERO_TIME = "0001-01-01T00:00:00Z";

export const recordKey = (id: string): string => `container/${id}`;

/** Now, RFC 3339 with nanoseconds in UTC, trailing zeros cut as Go's RFC3339Nano has it. */
export function nowText(nanoseconds: bigint = nowNano()): string {
  const seconds = new Date(Number(nanoseconds / 1_000_000n)).toISOString().slice(0, 19);
  const fraction = (nanoseconds % 1_000_000_000n).toString().padStart(9, "0").replace(/0+$/, "");
  return fraction === "" ? `${seconds}Z` : `${seconds}.${fraction}Z`;
}

/** Wall clock in nanoseconds since the epoch; the resolution below a microsecond is the platform's. */
export function nowNano(): bigint {
  return BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n;
}

export const isUp = (phase: Phase): boolean => phase === "running" || phase === "paused";

export const neverStarted = (record: ContainerRecord): boolean => record.startedAt === ZERO_TIME;
