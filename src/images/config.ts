import { invalid } from "#base";
import type { ImageRunConfig } from "./types.ts";

/** One step of an image's making (OCI image spec, config.md "history"). */
export interface HistoryEntry {
  readonly created?: string;
  readonly created_by?: string;
  readonly author?: string;
  readonly comment?: string;
  /** No layer belongs to it. */
  readonly empty_layer?: boolean;
}

/** An image's config blob (OCI image spec, config.md, and Docker's additions). What is not listed is kept in the blob, untouched. */
export interface ImageConfig {
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
  readonly "os.version"?: string;
  readonly created?: string;
  readonly author?: string;
  readonly comment?: string;
  readonly docker_version?: string;
  readonly container?: string;
  readonly container_config?: ImageRunConfig;
  readonly config?: ImageRunConfig | null;
  readonly history?: readonly HistoryEntry[] | null;
  readonly rootfs: { readonly type: "layers"; readonly diff_ids: readonly string[] };
}

export const isDigest = (text: unknown): text is string => typeof text === "string" && /^sha256:[0-9a-f]{64}$/.test(text);

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);
const isStrings = (value: unknown): boolean => Array.isArray(value) && value.every((item) => typeof item === "string");
const isCount = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 0;
const isHealthcheck = (value: unknown): boolean =>
  isObject(value) &&
  isStrings(value.Test ?? []) &&
  ["Interval", "Timeout", "StartPeriod", "StartInterval", "Retries"].every((field) => isCount(value[field] ?? 0));
const isTexts = (value: unknown): boolean => isObject(value) && Object.values(value).every((item) => typeof item === "string");

/** What a wrong type in here would break later, far from its cause: each field a container is started from. */
const RUN_FIELDS: Readonly<Record<string, (value: unknown) => boolean>> = {
  Hostname: (value) => typeof value === "string",
  User: (value) => typeof value === "string",
  WorkingDir: (value) => typeof value === "string",
  StopSignal: (value) => typeof value === "string",
  Env: isStrings,
  Cmd: isStrings,
  Entrypoint: isStrings,
  Shell: isStrings,
  ExposedPorts: isObject,
  Volumes: isObject,
  Labels: isTexts,
  Healthcheck: isHealthcheck,
};

/** @throws invalidParameter `bad-image-config` naming the field */
export function parseImageConfig(bytes: Uint8Array): ImageConfig {
  const bad = (why: string) => invalid(`invalid image config: ${why}`, { code: "bad-image-config" });
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    throw bad("it is not JSON");
  }
  if (!isObject(value)) throw bad("it is not an object");
  const { rootfs, history, config } = value;
  if (rootfs === undefined) throw invalid("invalid image JSON, no RootFS key", { code: "bad-image-config" });
  if (!isObject(rootfs) || !Array.isArray(rootfs.diff_ids ?? []) || !((rootfs.diff_ids ?? []) as unknown[]).every(isDigest))
    throw bad("rootfs.diff_ids is not a list of sha256 digests");
  if (history !== undefined && history !== null && !(Array.isArray(history) && history.every(isObject)))
    throw bad("history is not a list of objects");
  if (config !== undefined && config !== null && !isObject(config)) throw bad("config is not an object");
  for (const [field, accepts] of Object.entries(RUN_FIELDS)) {
    const given = config?.[field as keyof typeof config];
    if (given !== undefined && given !== null && !accepts(given)) throw bad(`config.${field} has the wrong type`);
  }
  for (const field of ["created", "author", "comment", "architecture", "os"])
    if (value[field] !== undefined && typeof value[field] !== "string") throw bad(`${field} is not a string`);
  return { architecture: "", os: "", ...value, rootfs: { type: "layers", diff_ids: rootfs.diff_ids ?? [] } } as ImageConfig;
}

/** Go's name of this machine's architecture, as images carry it. */
export const hostArchitecture = (): string => ({ x64: "amd64", ia32: "386" })[process.arch as string] ?? process.arch;
