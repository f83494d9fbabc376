import { invalid } from "#base";

/** Names by number, capability.h; a kernel may know fewer. */
const NAMES =
  "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE";

export const ALL_CAPABILITIES: readonly string[] = NAMES.split(" ").map((name) => `CAP_${name}`);

/** What a container gets when nothing is asked for. */
export const DEFAULT_CAPABILITIES: readonly string[] =
  "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE"
    .split(" ")
    .map((name) => `CAP_${name}`);

const normalize = (list: readonly string[], option: string): string[] =>
  list.map((given) => {
    const upper = given.toUpperCase();
    if (upper === "ALL") return upper;
    const name = upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
    if (!ALL_CAPABILITIES.includes(name))
      throw invalid(`invalid ${option}: unknown capability: "${name}"`, { code: "bad-capability", context: { capability: given } });
    return name;
  });

/**
 * The capabilities of `--cap-add`/`--cap-drop`. ALL in drop empties the set before the adds, ALL in add fills it before the drops.
 * @param known the capabilities this kernel has
 * @throws invalidParameter for a name that is none
 */
export function effectiveCapabilities(
  request: { add?: readonly string[] | null; drop?: readonly string[] | null; privileged?: boolean },
  known: readonly string[] = ALL_CAPABILITIES,
): string[] {
  const add = normalize(request.add ?? [], "CapAdd");
  const drop = normalize(request.drop ?? [], "CapDrop");
  if (request.privileged) return [...known];
  const base = add.includes("ALL") ? known : drop.includes("ALL") ? [] : DEFAULT_CAPABILITIES;
  const result = base.filter((name) => !drop.includes(name));
  for (const name of add) if (name !== "ALL" && !result.includes(name) && known.includes(name)) result.push(name);
  return result;
}
