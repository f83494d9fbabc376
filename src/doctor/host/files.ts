import { readdirSync, readFileSync } from "node:fs";

/** Files of the host as the doctor reads them; what is not there reads as nothing. */
export interface HostFiles {
  read(path: string): string | undefined;
  list(path: string): readonly string[];
}

export const hostFiles: HostFiles = {
  read(path) {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return undefined;
    }
  },
  list(path) {
    try {
      return readdirSync(path);
    } catch {
      return [];
    }
  },
};

/** A number from a file of /proc/sys; undefined when it is not there. */
export function readNumber(files: HostFiles, path: string): number | undefined {
  const text = files.read(path)?.trim();
  return text === undefined || !/^-?\d+$/.test(text) ? undefined : Number(text);
}
