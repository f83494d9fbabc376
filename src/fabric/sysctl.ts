import { readFileSync, writeFileSync } from "node:fs";
import { internal, messageOf } from "#base";
import { enter, type NamespaceHandle } from "#kernel/netns";
import type { SysctlItem } from "./types.ts";

const pathOf = (key: string): string => `/proc/sys/${key}`;
const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === "ENOENT";

/** The value of a sysctl as its file has it, tabs as single spaces; undefined when there is no such file. */
export function readSysctl(ns: string, key: string): string | undefined {
  try {
    // /proc/sys/net is that of the reading thread's namespace.
    return enter(ns, () => readFileSync(pathOf(key), "utf8"))
      .trim()
      .replaceAll("\t", " ");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Writes a sysctl unless it has the value already. @throws FairwayError when there is no such file and it is not optional, or the kernel refuses */
export function writeSysctl(item: SysctlItem, namespace: string | NamespaceHandle = item.ns): void {
  enter(namespace, () => {
    const path = pathOf(item.key);
    try {
      if (readFileSync(path, "utf8").trim().replaceAll("\t", " ") !== item.value) writeFileSync(path, item.value);
    } catch (error) {
      if (item.optional && isMissing(error)) return;
      throw internal(`Cannot set sysctl ${item.key.replaceAll("/", ".")} to ${item.value}: ${messageOf(error)}`, {
        code: "sysctl",
        context: { key: item.key, value: item.value },
        cause: error,
      });
    }
  });
}
