import { after } from "node:test";
import { VmLab } from "#lab";

let booting: Promise<VmLab> | undefined;

/** The two machines of the VM tests, h1 and h2, booted once for all files of a run; each file resets what it makes in them. */
export function sharedLab(): Promise<VmLab> {
  const capture = process.env.FAIRWAY_VMLAB_KEEP !== undefined;
  booting ??= VmLab.create({ machines: ["h1", "h2"], nics: 3, megabytes: 1024, diskMegabytes: 1024, capture });
  return booting;
}

after(async () => {
  await (await booting)?.[Symbol.asyncDispose]();
});
