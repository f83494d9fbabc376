import type { Difference, DifferenceContext } from "./differences.ts";
import type { Unequal } from "./normalise.ts";

interface FieldDifference extends Omit<Difference, "accepts"> {
  /** Of the answers whose body it is in. */
  readonly kind: RegExp;
  readonly path: RegExp;
  when?(unequal: Unequal, context: DifferenceContext): boolean;
}

/** A difference in a field of an answer. */
function field({ kind, path, when, ...difference }: FieldDifference): Difference {
  return {
    ...difference,
    accepts: (unequal, context) => kind.test(context.operation.kind) && path.test(unequal.path) && (when?.(unequal, context) ?? true),
  };
}

const NETWORK = /^network (inspect|list)$/;
const INSPECT = /^container inspect$/;
const CONTAINER = /^container (inspect|list)$/;
const ALL = /^(network|container) (inspect|list)$/;

const missing = (side: "ours" | "theirs") => (unequal: Unequal) => unequal[side] === undefined;

/** Addresses and MACs of the common default pool, without the number of the subnet. */
const POOL = "10.200.";
const withoutSubnet = (value: unknown): string | undefined => {
  if (typeof value !== "string") return undefined;
  const stripped = value.replace(/^10\.200\.\d+\./, POOL).replace(/^02:42:0a:c8:../, "02:42:0a:c8");
  return stripped === value ? undefined : stripped;
};

/** Of /proc/sys/net/ipv4/ip_local_port_range. */
const FIRST_FREE_PORT = 32768;

/** After these a container may have stopped. */
const ENDS = /^container (stop|kill|wait|restart|rm|start)$/;

interface CreateBody {
  readonly HostConfig?: { readonly PortBindings?: Readonly<Record<string, readonly unknown[]>> };
  readonly ExposedPorts?: object;
}

const boundUnexposed = ({ history }: DifferenceContext) =>
  history.some(({ body }) => {
    const { HostConfig, ExposedPorts } = (body ?? {}) as CreateBody;
    return Object.entries(HostConfig?.PortBindings ?? {}).some(
      ([port, list]) => list.length === 0 || !Object.hasOwn(ExposedPorts ?? {}, port),
    );
  });

/** Differences in what inspect and list show. */
export const FIELDS: readonly Difference[] = [
  field({
    kind: ALL,
    path: /(IPAddress|MacAddress|IPv4Address)$/,
    when: ({ ours, theirs }, { history }) => history.some(({ kind }) => ENDS.test(kind)) && isNear(ours, theirs),
    where: "addresses that were not asked for, once a container has stopped",
    ours: "a stopped container keeps its address",
    theirs: "it is free for the next one",
    reason: "Nobody gets another's address by starting first: restarts keep addresses (design.md).",
  }),
  field({
    kind: ALL,
    path: /(Subnet|Gateway|IPAddress|MacAddress|IPv4Address)$/,
    when: ({ ours, theirs }) => withoutSubnet(ours) !== undefined && withoutSubnet(ours) === withoutSubnet(theirs),
    where: "subnets taken from the default address pools",
    ours: "the lowest that is free",
    theirs: "the one after the last that was given out",
    reason: "Docker chooses the lowest free one since 27: a network made again gets its subnet again.",
  }),
  field({
    kind: /^network list$/,
    path: /^$/,
    when: (_, { operation }) => operation.path.includes("dangling"),
    where: "network list with the filter `dangling`",
    ours: "networks that no running container is on",
    theirs: "every network that is not predefined, used or not",
    reason: "20.10 forgets to look at the containers, as its list no longer shows them.",
  }),
  field({
    kind: NETWORK,
    path: /EnableIPv4$/,
    when: missing("theirs"),
    where: "network inspect and list: `EnableIPv4`",
    ours: "there",
    theirs: "absent",
    reason: "Came with Docker 28, which shows it to every API version.",
  }),
  field({
    kind: NETWORK,
    path: /IPAM\.Config\[0\]\.Gateway$/,
    when: missing("theirs"),
    where: "network inspect: `IPAM.Config[0].Gateway` when none was asked",
    ours: "the bridge's address",
    theirs: "absent, for `bridge` until dockerd's second start, for others with a subnet of their own",
    reason: "The bridge has a gateway from the first moment; Docker 28 shows it, and E02 asks for it.",
  }),
  field({
    kind: NETWORK,
    path: /IPAM\.Config$/,
    when: ({ ours, theirs }) => ours === null && Array.isArray(theirs),
    where: "network inspect of `host`, `none` and configuration networks: `IPAM.Config`",
    ours: "`null`",
    theirs: "`[]`, or what a configuration network will give to others",
    reason: "Docker 28 shows `null`: no addresses were allocated.",
  }),
  field({
    kind: INSPECT,
    path: /^HostConfig\.KernelMemory(TCP)?$/,
    when: missing("ours"),
    where: "container inspect: `HostConfig.KernelMemory`, `KernelMemoryTCP`",
    ours: "absent",
    theirs: "0",
    reason: "Linux has had no such limits since 5.4; Docker dropped both fields in 23.0.",
  }),
  field({
    kind: INSPECT,
    path: /^GraphDriver\.Data\./,
    where: "container inspect: `GraphDriver.Data`",
    ours: "directories of Fairway's layers",
    theirs: "directories of dockerd's",
    reason: "Each daemon has its own layout on disk; the driver's name and the fields are the same.",
  }),
  field({
    kind: INSPECT,
    path: /^HostConfig\.RestartPolicy\.Name$/,
    when: ({ ours, theirs }) => ours === "no" && theirs === "",
    where: "container inspect: `HostConfig.RestartPolicy.Name` when none was asked",
    ours: "`no`",
    theirs: "empty",
    reason: "The same policy by its name, which the docker CLI sends too.",
  }),
  field({
    kind: CONTAINER,
    path: /\.NetworkID$/,
    when: ({ theirs }) => theirs === "",
    where: "containers that were never started: `Networks.*.NetworkID`",
    ours: "the network's id",
    theirs: "empty",
    reason: "Fairway knows from creation on which network was meant.",
  }),
  field({
    kind: INSPECT,
    path: /^NetworkSettings\.Networks\..*\.Aliases$/,
    when: ({ ours, theirs }) => withoutNames(ours) === withoutNames(theirs),
    where: "container inspect: the container's own names among `Networks.*.Aliases`",
    ours: "the short id, on every user-defined network",
    theirs: "the short id and the hostname, once started",
    reason: "Docker 28's rule for API versions before 1.45; all names are in `DNSNames` since 1.44.",
  }),
  field({
    kind: INSPECT,
    path: /^NetworkSettings\.SandboxKey$/,
    when: ({ ours, theirs }) => String(ours) !== "" && String(theirs) !== "",
    where: "container inspect: `NetworkSettings.SandboxKey`",
    ours: "a file named after the container",
    theirs: "a file named after the sandbox",
    reason: "The namespace outlives the sandbox: `container:` members find it again when its owner is restarted.",
  }),
  field({
    kind: INSPECT,
    path: /^NetworkSettings\.Sandbox(ID|Key)$/,
    when: ({ ours }) => ours === "",
    where: "container inspect of a stopped container: `NetworkSettings.SandboxID`, `SandboxKey`",
    ours: "empty",
    theirs: "those of its last run",
    reason: "Docker 28 clears them: there is no such sandbox any more.",
  }),
  field({
    kind: CONTAINER,
    path: /NetworkSettings\.Networks\.[^.]+\.(NetworkID|EndpointID|Gateway|IPAddress|IPPrefixLen|MacAddress)$/,
    when: ({ ours }, { history }) => !ours && history.some(({ kind }) => kind === "container start" || kind === "container restart"),
    where: "containers whose start failed: the endpoints that were made before the failure",
    ours: "taken back, and not shown",
    theirs: "taken back, and still shown",
    reason: "They are not there.",
  }),
  field({
    kind: INSPECT,
    path: /^(ResolvConf|Hosts|Hostname|Log)Path$/,
    when: ({ ours, theirs }) => ours === "" && theirs !== "",
    where: "container inspect after a start that failed: `ResolvConfPath`, `HostsPath`, `HostnamePath`, `LogPath`",
    ours: "empty",
    theirs: "paths",
    reason: "The files are written once the networks are there.",
  }),
  field({
    kind: INSPECT,
    path: /^HostConfig\.PortBindings\.[^.]*$/,
    when: ({ ours, theirs }) => JSON.stringify(theirs) === "[]" && JSON.stringify(ours) === '[{"HostIp":"","HostPort":""}]',
    where: "container inspect: `HostConfig.PortBindings` of a port given an empty list",
    ours: "one binding, to any free port",
    theirs: "the empty list; the port is not published",
    reason: "Docker 28 fills it in for API versions before 1.52.",
  }),
  field({
    kind: CONTAINER,
    path: /Ports.*(HostPort|PublicPort)$/,
    when: ({ ours, theirs }) => Number(ours) >= FIRST_FREE_PORT && Number(theirs) >= FIRST_FREE_PORT,
    where: "host ports that were not asked for",
    ours: "the next free one after the last",
    theirs: "likewise, of its own count",
    reason: "Each daemon counts for itself.",
  }),
  field({
    kind: CONTAINER,
    path: /Ports/,
    when: (_, context) => boundUnexposed(context),
    where: "`HostConfig.PortBindings` of a port that is not among `ExposedPorts`, without protocol (`80`), or with an empty list",
    ours: "published; `80` is `80/tcp`",
    theirs: "silently not published",
    reason: "To bind a port is to ask for it. The docker CLI always names it in both.",
  }),
  field({
    kind: /^container wait$/,
    path: /^Error$/,
    when: ({ ours, theirs }) => ours === undefined && theirs !== undefined,
    where: "container wait: `Error`",
    ours: "absent",
    theirs: "`null`, or why a start failed before",
    reason: "Docker leaves out the `null` since 23.0; a failed start has told its error, and clients take any for a failure of the wait.",
  }),
  field({
    kind: /^exec inspect$/,
    path: /^ExitCode$/,
    when: ({ ours, theirs }) => ours === 127 && theirs === 126,
    where: "exec inspect: `ExitCode` of a program that is not there",
    ours: "127",
    theirs: "126",
    reason: "The shell's convention, which Docker follows since 25.0.",
  }),
  field({
    kind: INSPECT,
    path: /^State\.Error$/,
    when: ({ ours, theirs }) => Boolean(ours) === Boolean(theirs),
    where: "container inspect: the words of `State.Error`",
    ours: "Docker 28's, or plainer",
    theirs: "Docker 20.10's",
    reason: "Words are for people; that there is an error is the same.",
  }),
  field({
    kind: INSPECT,
    path: /^HostConfig\.Links$|^NetworkSettings\.Networks\.[^.]+\.Links$/,
    when: ({ theirs }) => theirs === null,
    where: "`HostConfig.Links` of a container on a user-defined network",
    ours: "kept, and honoured there",
    theirs: "dropped in silence",
    reason: "The docker CLI sends them in the endpoint's settings; other clients mean the same.",
  }),
  field({
    kind: INSPECT,
    path: /^LogPath$/,
    when: ({ ours, theirs }) => String(ours).replace(/\.log$/, "-json.log") === theirs,
    where: "container inspect: `LogPath`",
    ours: "`<id>.log`",
    theirs: "`<id>-json.log`",
    reason: "conmon writes the log, in the k8s-file format.",
  }),
  field({
    kind: INSPECT,
    path: /^HostConfig\.Runtime$/,
    when: missing("theirs"),
    where: "container inspect: `HostConfig.Runtime` of a container made without `HostConfig`",
    ours: "the runtime's name",
    theirs: "absent",
    reason: "Fairway fills in the whole of HostConfig in every case.",
  }),
];

/** Addresses, or MACs made of them, that agree in all but the last two bytes. */
function isNear(ours: unknown, theirs: unknown): boolean {
  const start = (value: unknown) => {
    const text = String(value)
      .replace(/^10\.200\.\d+\./, POOL)
      .replace(/^02:42:0a:c8:../, "02:42:0a:c8");
    return text.replace(/(\.\d+(\/\d+)?|:..)$/, "").replace(/(\.\d+|:..)$/, "");
  };
  return start(ours) === start(theirs);
}

/** Aliases without short ids and hostnames, which stand after those the user gave. */
const withoutNames = (aliases: unknown): string =>
  JSON.stringify(((aliases ?? []) as string[]).filter((alias) => !/^<C\d+:12>$|^missing|^box/.test(alias)));
