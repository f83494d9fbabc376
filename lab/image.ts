import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";

const CACHE = `${import.meta.dirname}/../.cache/images`;
const BUSYBOX = ["/usr/bin/busybox", "/bin/busybox"];

/** Makes a directory into a root file system of one static busybox with a link for each of its applets. */
function fill(root: string, busybox: string): void {
  for (const directory of ["bin", "etc", "tmp", "root", "proc", "sys", "dev", "run", "var/www"]) {
    mkdirSync(`${root}/${directory}`, { recursive: true });
  }
  execFileSync("cp", [busybox, `${root}/bin/busybox`]);
  const applets = execFileSync(busybox, ["--list"], { encoding: "utf8" }).split("\n");
  for (const applet of applets) if (applet && applet !== "busybox") symlinkSync("busybox", `${root}/bin/${applet}`);
  writeFileSync(`${root}/etc/passwd`, "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n");
  writeFileSync(`${root}/etc/group`, "root:x:0:\nnogroup:x:65534:\n");
  execFileSync("chmod", ["1777", `${root}/tmp`]);
}

/** Path of a tar archive for `docker import`, made of the machine's static busybox the first time. @throws when busybox is missing or not static */
export function localImage(): string {
  const busybox = BUSYBOX.find((path) => existsSync(path));
  if (!busybox) throw new Error("Cannot make an image: busybox is missing (package busybox-static)");
  const { size, mtimeMs } = statSync(busybox);
  const archive = `${CACHE}/busybox-${size}-${Math.round(mtimeMs)}.tar`;
  if (existsSync(archive)) return archive;
  mkdirSync(CACHE, { recursive: true });
  const root = mkdtempSync(`${tmpdir()}/fairway-image-`);
  try {
    fill(root, busybox);
    const partial = `${archive}.${process.pid}`;
    execFileSync("tar", ["--numeric-owner", "--owner=0", "--group=0", "-C", root, "-cf", partial, "."]);
    renameSync(partial, archive);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
  return archive;
}
