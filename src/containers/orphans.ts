import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { messageOf } from "#base";
import { unmount } from "#kernel/ffi";
import type { Context } from "./context.ts";
import { mountsUnder } from "./overlay.ts";
import { mentions, signalProcess } from "./proc.ts";
import type { Registry } from "./registry.ts";

const ID = /^[0-9a-f]{64}$/;
const SIGKILL = 9;

const idsIn = (directory: string): string[] => {
  try {
    return readdirSync(directory).filter((name) => ID.test(name));
  } catch {
    return [];
  }
};

/**
 * Removes what a daemon that died left of containers no record knows: the runtime's state and processes, mounts, bundles, directories. Looks in our
 * own directories alone.
 */
export async function removeOrphans(context: Context, registry: Registry): Promise<void> {
  const places = [`${context.dataRoot}/containers`, `${context.execRoot}/containers`];
  for (const place of places) mkdirSync(place, { recursive: true, mode: 0o711 });
  const unknown = new Set([...places, context.runtime.root, context.exits.directory].flatMap(idsIn).filter((id) => !registry.get(id)));
  for (const id of unknown) {
    context.log.warn("Removing what is left of a container that no record names", { container: id });
    try {
      killConmon(`${context.execRoot}/containers/${id}`, id);
      await context.runtime.delete(id);
      for (const place of places) {
        for (const point of mountsUnder(`${place}/${id}`)) unmount(point);
        rmSync(`${place}/${id}`, { recursive: true, force: true });
      }
      rmSync(`${context.runtime.root}/${id}`, { recursive: true, force: true });
      context.exits.clear(id);
    } catch (error) {
      context.log.error("Cannot remove what is left of a container", { container: id, error: messageOf(error) });
    }
  }
}

function killConmon(bundle: string, id: string): void {
  try {
    const pid = Number(readFileSync(`${bundle}/conmon.pid`, "latin1"));
    if (pid > 0 && mentions(pid, id)) signalProcess(pid, SIGKILL);
  } catch {}
}
