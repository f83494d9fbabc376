import { invalid } from "#base";
import { applyChanges } from "./changes.ts";
import { hostArchitecture, type ImageConfig } from "./config.ts";
import { joinReference } from "./reference.ts";

/** The config of an image made from one tar. The `created` time makes each import an image of its own, as dockerd's are. */
export function importedConfig(diffId: string, options: { message?: string; changes?: readonly string[]; created: string }): ImageConfig {
  const comment = options.message === undefined || options.message === "" ? "Imported from -" : options.message;
  return {
    architecture: hostArchitecture(),
    comment,
    config: applyChanges({}, options.changes ?? []),
    created: options.created,
    docker_version: "",
    history: [{ created: options.created, comment }],
    os: "linux",
    rootfs: { type: "layers", diff_ids: [diffId] },
  };
}

/** The reference an import is to have, if any. @throws invalidParameter */
export function importTarget(repository: string | undefined, tag: string | undefined) {
  if (repository === undefined || repository === "") return undefined;
  const target = joinReference(repository, tag ?? "");
  if (target.digest !== undefined) throw invalid("cannot import digest reference", { code: "bad-reference" });
  return target;
}
