import { rmSync } from "node:fs";
import { messageOf } from "#base";
import { unmount } from "#kernel/ffi";
import { killCgroup, removeCgroup } from "./cgroup.ts";
import type { Container } from "./container.ts";
import type { Context } from "./context.ts";
import { mountsUnder, rootPathsOf, unmountRoot } from "./overlay.ts";
import { mentions, signalProcess } from "./proc.ts";
import { bundlePid, cgroupsPathOf, clearBundle } from "./starting.ts";

const SIGKILL = 9;

/**
 * Takes away what a run left: processes, cgroup, the runtime's state, mounts, bundle and sandbox. Does everything and tells everything that failed.
 * Harmless when there is nothing.
 */
export async function takeDown(context: Context, container: Container): Promise<void> {
  const step = async (what: string, action: () => unknown) => {
    try {
      await action();
    } catch (error) {
      context.log.error("Cleaning up after a container failed", { container: container.id, step: what, error: messageOf(error) });
    }
  };
  const { hostConfig } = container.record;
  const cgroup = cgroupsPathOf(context, container.record);
  // With a shared pid namespace the others live on when the first process ends.
  if (hostConfig.PidMode === "host" || hostConfig.PidMode?.startsWith("container:"))
    await step("kill", () => killCgroup(cgroup, context.cgroups));
  await step("runtime", async () => {
    // What `runtime delete` does, without a process: an empty cgroup and a state directory.
    if (removeCgroup(cgroup, context.cgroups)) rmSync(`${context.runtime.root}/${container.id}`, { recursive: true, force: true });
    else await context.runtime.delete(container.id);
    removeCgroup(cgroup, context.cgroups);
  });
  await step("mounts", () => {
    unmountRoot(rootPathsOf(container.paths.directory));
    void container.releaseRoot();
    if (hostConfig.IpcMode === "shareable") for (const point of mountsUnder(container.paths.bundle)) unmount(point);
    clearBundle(container);
  });
  await step("network", () => context.engine.closeSandbox(container.id));
}

/** Ends a start that did not get to its end, whatever of it there is. */
export async function undoStart(context: Context, container: Container): Promise<void> {
  // A pid file of an earlier day may name someone else's process by now.
  for (const file of ["pid", "conmon.pid"] as const) {
    const pid = bundlePid(container, file);
    if (pid > 0 && mentions(pid, container.id)) signalProcess(pid, SIGKILL);
  }
  try {
    await context.runtime.delete(container.id);
  } catch (error) {
    context.log.warn("The OCI runtime could not delete a container", { container: container.id, error: messageOf(error) });
  }
  await takeDown(context, container);
  context.exits.clear(container.id);
}
