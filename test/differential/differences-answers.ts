import type { Difference } from "./differences.ts";

type Status = number | readonly number[];

interface AnswerDifference extends Omit<Difference, "accepts"> {
  readonly kind: string | readonly string[];
  readonly statuses: readonly [Status, Status];
  /** Of our message and theirs, where the statuses alone do not tell. */
  readonly words?: readonly RegExp[];
}

const has = (wanted: Status, status: number) => (typeof wanted === "number" ? wanted === status : wanted.includes(status));

/** A difference in the status of an answer. */
function answer({ kind, statuses, words, ...difference }: AnswerDifference): Difference {
  const kinds = typeof kind === "string" ? [kind] : kind;
  return {
    ...difference,
    accepts: ({ path }, { operation, answers: [ours, theirs], messages }) =>
      (path === "status" || path === "message" || path === "") &&
      kinds.includes(operation.kind) &&
      has(statuses[0], ours.status) &&
      has(statuses[1], theirs.status) &&
      (words ?? []).every((word, index) => word.test(messages[index]!)),
  };
}

const VALIDATION = "Docker checks this since 25.0; before, it was accepted or failed later, in the driver.";
const CATEGORY = "The client's mistake, not the server's: dockerd answers 500 where nobody gave the error a category.";

/** Rows of one shape: a mistake of the client's that dockerd answers with 500. */
const category = (kind: string | readonly string[], ours: Status, where: string, words?: AnswerDifference["words"]): Difference =>
  answer({
    kind,
    statuses: [ours, 500],
    ...(words ? { words } : {}),
    where,
    ours: [ours].flat().join(" or "),
    theirs: "500",
    reason: CATEGORY,
  });

/** Differences in how requests are answered. */
export const ANSWERS: readonly Difference[] = [
  answer({
    kind: "network create",
    statuses: [400, [201, 403, 409, 500]],
    words: [/^invalid network config/],
    where: "`network create` with a subnet, range, gateway or auxiliary address that do not fit together",
    ours: "400, every fault named",
    theirs: "201 with the subnet masked, 403 or 500; 409 first when the name is taken",
    reason: VALIDATION,
  }),
  answer({
    kind: ["network connect", "container create"],
    statuses: [400, [200, 201, 403, 500]],
    words: [/invalid endpoint settings/],
    ends: true,
    where: "`network connect` and `container create` with an address that the network cannot have",
    ours: "400",
    theirs: "200 or 201, or 500 with the endpoint recorded all the same; the start fails",
    reason: VALIDATION,
  }),
  answer({
    kind: "network connect",
    statuses: [400, 200],
    words: [/^container sharing network namespace/],
    ends: true,
    where: "`network connect` of a stopped container in host or container mode",
    ours: "400",
    theirs: "200, and the container can never be started again",
    reason: "Docker refuses it for a running one and, since 26, for a stopped one too.",
  }),
  answer({
    kind: "network connect",
    statuses: [400, 200],
    words: [/^container cannot be connected to multiple networks/],
    ends: true,
    where: "`network connect` of a stopped container to `none` and something else",
    ours: "400",
    theirs: "200; the start fails",
    reason: VALIDATION,
  }),
  answer({
    kind: "network create",
    statuses: [400, 409],
    words: [/^invalid name: name is empty/],
    where: "`network create` with an empty name, when there are networks",
    ours: "400",
    theirs: "409: the empty text is a prefix of every id",
    reason: "Docker 28 says that the name is empty.",
  }),
  answer({
    kind: "network create",
    statuses: [403, 409],
    words: [/not a swarm manager/],
    where: "`network create` of an overlay under a name that is taken",
    ours: "403 about the swarm",
    theirs: "409 about the name",
    reason: "Docker 28 looks at the driver first.",
  }),
  answer({
    kind: "container start",
    statuses: [500, 404],
    words: [/^joining network namespace of container/],
    where: "`container start` when the container whose namespace it joins is gone",
    ours: "500",
    theirs: "404",
    reason: "Docker 28's status: the container that was named does exist.",
  }),
  answer({
    kind: "network connect",
    statuses: [[200, 400, 403, 404], -1],
    ends: true,
    where: "`network connect` of a container without `EndpointConfig`, or before its first start",
    ours: "answered",
    theirs: "no answer: the handler panics",
    reason: "A defect of 20.10's.",
  }),
  answer({
    kind: "network connect",
    statuses: [400, 200],
    words: [/^network .* is ambiguous/],
    ends: true,
    where: "`network connect` of a stopped container to an ambiguous prefix",
    ours: "400",
    theirs: "200; the start fails",
    reason: "Docker 28 refuses it. A network that does not exist at all may still be made before the start.",
  }),
  category(
    ["inspect", "rm", "start", "stop", "kill", "restart", "pause", "unpause", "wait", "rename"].map((verb) => `container ${verb}`),
    400,
    "any container operation by a prefix that several ids have",
    [/^Multiple IDs found with provided prefix/],
  ),
  category(["exec create", "network connect"], 400, "exec and `network connect` by such a prefix", [
    /^Multiple IDs found with provided prefix/,
  ]),
  answer({
    kind: "network create",
    statuses: [400, [403, 500]],
    words: [/^failed to parse|^invalid|is empty/],
    where: "`network create` with an option whose value is none",
    ours: "400",
    theirs: "500, or 403 when the subnet is taken too",
    reason: CATEGORY,
  }),
  category("network create", 403, "`network create` whose auxiliary address is the gateway", [/^failed to allocate secondary ip/]),
  category("network disconnect", 404, "`network disconnect` from a network that is gone", [/^network .* not found/, /is not connected to/]),
  category("network prune", 400, "`network prune` with a time that is none", [/^invalid value for filter/]),
  category(["container create", "network create"], 400, "bodies that are not JSON, or of another type", [/^invalid JSON/]),
  answer({
    kind: "container kill",
    statuses: [400, [404, 500]],
    words: [/^Invalid signal/],
    where: "`container kill` with a signal that does not exist",
    ours: "400",
    theirs: "500, or 404 when the container does not exist either",
    reason: CATEGORY,
  }),
  category("container create", 400, "`container create` with a bind of a mode that is none", [/^invalid mode/]),
  category("network create", 403, "`network create` in a scope this daemon has not", [/not a swarm manager/]),
  category("container start", 400, "`container start` as a user who does not exist", [/^unable to find user/]),
  category("container unpause", 409, "`container unpause` of a container that is not paused", [/is not paused/]),
  category("container list", [400, 404], "`container list` with filters that say nothing", [/^No such container|^invalid filter/i]),
  category("container restart", 403, "`container restart` when its address is somebody else's", [/^Address already in use/]),
  category("container restart", 404, "`container restart` when a network of it is gone", [/not found$/, /^Cannot restart container/]),
];
