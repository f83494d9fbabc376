/** The import table: what each room may import. `types` rooms may be imported with `import type` only. */
export interface RoomRule {
  readonly may: readonly string[];
  readonly types?: readonly string[];
}

/**
 * Rows and cells as in docs/architecture.md. `base` holds the values every room speaks in and is open to all; see
 * docs/decisions/030-base-is-open-to-all.md.
 */
export const ROOMS: Readonly<Record<string, RoomRule>> = {
  base: { may: [] },
  "kernel/ffi": { may: [] },
  "kernel/netns": { may: ["kernel/ffi"] },
  "kernel/netlink": { may: ["kernel/ffi", "kernel/netns"] },
  "kernel/rtnetlink": { may: ["kernel/netlink"] },
  "kernel/nftables": { may: ["kernel/ffi", "kernel/netns", "kernel/netlink"] },
  fabric: { may: ["kernel/ffi", "kernel/netns", "kernel/netlink", "kernel/rtnetlink", "kernel/nftables"] },
  lan: { may: ["kernel/ffi", "kernel/netns", "kernel/rtnetlink"] },
  drivers: { may: [], types: ["fabric"] },
  ipam: { may: [] },
  ports: { may: [], types: ["fabric"] },
  dns: { may: [] },
  store: { may: [] },
  engine: { may: ["store", "ipam", "ports", "dns", "drivers", "fabric", "lan", "kernel/netns"], types: ["kernel/ffi"] },
  images: { may: ["store"] },
  containers: { may: ["store", "images", "engine", "ports", "kernel/ffi"] },
  doctor: { may: ["fabric", "kernel/ffi", "kernel/netns", "kernel/rtnetlink", "kernel/nftables"] },
  reach: { may: ["engine", "kernel/netns"], types: ["fabric"] },
  api: { may: [] },
  server: { may: ["api", "engine", "containers", "images", "reach"] },
  cli: { may: ["api"] },
  web: { may: ["api"] },
};

/** Rooms that may start processes; everything else in `src/` talks to the kernel itself. */
export const MAY_START_PROCESSES: readonly string[] = ["containers", "images"];

/** The only room that may load native code. */
export const FFI_ROOM = "kernel/ffi";

/** Room of a path relative to the project (`src/kernel/ffi/libc.ts` → `kernel/ffi`); undefined outside `src/`. */
export function roomOf(path: string): string | undefined {
  const match = /^src\/((?:kernel\/)?[^/]+)\//.exec(path);
  return match?.[1];
}
