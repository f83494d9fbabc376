import { after } from "node:test";
import { VmLab } from "#lab";

let booting: Promise<VmLab> | undefined;

/** The two machines of the VM tests, h1 and h2, booted once for all files of a run; each file resets what it makes in them. */
export function sharedLab(): Promise<VmLab> {
  booting ??= VmLab.create({ machines: ["h1", "h2"], nics: 2, megabytes: 1024 });
  return booting;
}

after(async () => {
  await (await booting)?.[Symbol.asyncDispose]();
});
