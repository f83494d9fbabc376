import { FairwayError } from "#base";
import { hostPortText, type PortRange, type Protocol } from "./types.ts";

/** Who holds a port. The object is kept, not copied: its name may change. */
export interface PortHolder {
  /** Container id. */
  readonly id: string;
  readonly name: string;
}

/** strerror(3)'s words in lower case, as Go prints them. */
const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: "address already in use",
  EADDRNOTAVAIL: "cannot assign requested address",
  EACCES: "permission denied",
  EINVAL: "invalid argument",
  EPERM: "operation not permitted",
  EPROTONOSUPPORT: "protocol not supported",
  EAFNOSUPPORT: "address family not supported by protocol",
  EMFILE: "too many open files",
  ENFILE: "too many open files in system",
};

const NO_SOCKET = new Set(["EPROTONOSUPPORT", "EAFNOSUPPORT", "EMFILE", "ENFILE"]);

export const codeOf = (error: unknown): string | undefined =>
  typeof error === "object" && error !== null && "code" in error && typeof error.code === "string" ? error.code : undefined;

export function alreadyAllocated(proto: Protocol, ip: string, port: number, heldIp: string, holder: PortHolder): FairwayError {
  const elsewhere = heldIp === ip ? "" : ` on ${hostPortText(heldIp, port)}`;
  return new FairwayError(
    "internal",
    `Bind for ${hostPortText(ip, port)} failed: port is already allocated: it is published${elsewhere} by container "${holder.name}"`,
    { code: "port-allocated", context: { proto, hostIp: ip, hostPort: port, heldIp, container: holder.name, containerId: holder.id } },
  );
}

export function bindFailed(proto: Protocol, ip: string, { from, to }: PortRange, error: unknown): FairwayError {
  // The kernel's refusals are FairwayErrors too: those have an errno's name as their code.
  const errno = codeOf(error)?.toUpperCase();
  if (error instanceof FairwayError && !(errno && errno in REASONS)) return error;
  const reason = (errno && REASONS[errno]) ?? (error instanceof Error ? error.message : String(error));
  const attempt = errno && NO_SOCKET.has(errno) ? "create socket for" : "bind host port";
  const ports = from === to ? String(from) : `${from}-${to}`;
  return new FairwayError("internal", `failed to ${attempt} ${hostPortText(ip, ports)}/${proto}: ${reason}`, {
    code: errno === "EADDRINUSE" ? "port-in-use" : errno === "EADDRNOTAVAIL" ? "no-such-address" : "bind-failed",
    context: { proto, hostIp: ip, from, to, errno },
    cause: error,
  });
}

interface BindFailure {
  readonly proto: Protocol;
  readonly hostIp: string;
  readonly from: number;
  readonly to: number;
}

/** A `port-in-use` with the name of the program that has the port, where it can be found; any other error as it is. */
export function heldBy<T>(
  error: T,
  programOf: (proto: Protocol, ip: string, from: number, to: number) => string | undefined,
): T | FairwayError {
  if (!(error instanceof FairwayError) || error.code !== "port-in-use") return error;
  const { proto, hostIp, from, to } = error.context as unknown as BindFailure;
  const program = programOf(proto, hostIp, from, to);
  if (program === undefined) return error;
  return new FairwayError("internal", `${error.message}: it is held by ${program}`, {
    code: "port-in-use",
    context: { ...error.context, program },
    cause: error,
  });
}

export const allAllocated = (proto: Protocol, hostIps: readonly string[], { from, to }: PortRange, cause?: unknown): FairwayError =>
  new FairwayError("internal", `all ports are allocated: no ${proto} port from ${from} to ${to} is free on ${hostIps.join(" and ")}`, {
    code: "ports-exhausted",
    context: { proto, hostIps, from, to },
    cause,
  });
