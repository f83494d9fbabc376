/** Turns a profile in Docker's format (rules that hold only with a capability, an architecture or a kernel) into the OCI runtime's. */

interface Condition {
  readonly caps?: readonly string[];
  readonly arches?: readonly string[];
  readonly minKernel?: string;
}

interface ProfileRule {
  readonly names?: readonly string[];
  readonly name?: string;
  readonly action: string;
  readonly args?: readonly { index: number; value: number; valueTwo?: number; op: string }[] | null;
  readonly includes?: Condition;
  readonly excludes?: Condition;
  readonly errnoRet?: number;
}

export interface SeccompProfile {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly string[];
  readonly archMap?: readonly { architecture: string; subArchitectures?: readonly string[] | null }[];
  readonly flags?: readonly string[];
  readonly syscalls?: readonly ProfileRule[];
}

export interface SeccompTarget {
  /** Go's name: amd64, arm64 … */
  readonly arch: string;
  /** `6.1.0-…` */
  readonly kernel: string;
  readonly capabilities: readonly string[];
}

/** The `linux.seccomp` object of an OCI runtime spec. */
export interface OciSeccomp {
  defaultAction: string;
  defaultErrnoRet?: number;
  architectures: string[];
  syscalls: {
    names: string[];
    action: string;
    errnoRet?: number;
    args?: { index: number; value: number; valueTwo?: number; op: string }[];
  }[];
}

const SECCOMP_ARCH: Readonly<Record<string, string>> = {
  amd64: "SCMP_ARCH_X86_64",
  arm64: "SCMP_ARCH_AARCH64",
  ppc64le: "SCMP_ARCH_PPC64LE",
  s390x: "SCMP_ARCH_S390X",
  riscv64: "SCMP_ARCH_RISCV64",
};

/** Go's GOARCH for Node's process.arch. */
export const goArch = (nodeArch: string): string => (nodeArch === "x64" ? "amd64" : nodeArch === "ppc64" ? "ppc64le" : nodeArch);

const kernelNumbers = (text: string): number => {
  const [major = 0, minor = 0] = text.split(/[.-]/).map((part) => Number.parseInt(part, 10) || 0);
  return major * 1000 + minor;
};

const includes = (condition: Condition | undefined, target: SeccompTarget): boolean =>
  (condition?.caps ?? []).every((cap) => target.capabilities.includes(cap)) &&
  (!condition?.arches?.length || condition.arches.includes(target.arch)) &&
  (!condition?.minKernel || kernelNumbers(target.kernel) >= kernelNumbers(condition.minKernel));

const excludes = (condition: Condition | undefined, target: SeccompTarget): boolean =>
  (condition?.caps ?? []).some((cap) => target.capabilities.includes(cap)) ||
  (condition?.arches ?? []).includes(target.arch) ||
  (condition?.minKernel !== undefined && kernelNumbers(target.kernel) >= kernelNumbers(condition.minKernel));

export function seccompFor(profile: SeccompProfile, target: SeccompTarget): OciSeccomp {
  const native = SECCOMP_ARCH[target.arch];
  const mapped = profile.archMap?.find((entry) => entry.architecture === native);
  const architectures = profile.architectures?.length
    ? [...profile.architectures]
    : mapped
      ? [mapped.architecture, ...(mapped.subArchitectures ?? [])]
      : [];
  const syscalls = (profile.syscalls ?? [])
    .filter((rule) => includes(rule.includes, target) && !excludes(rule.excludes, target))
    .map((rule) => ({
      names: rule.names?.length ? [...rule.names] : rule.name ? [rule.name] : [],
      action: rule.action,
      ...(rule.errnoRet === undefined ? {} : { errnoRet: rule.errnoRet }),
      ...(rule.args?.length ? { args: rule.args.map((argument) => ({ ...argument })) } : {}),
    }));
  return {
    defaultAction: profile.defaultAction,
    ...(profile.defaultErrnoRet === undefined ? {} : { defaultErrnoRet: profile.defaultErrnoRet }),
    architectures,
    syscalls,
  };
}
