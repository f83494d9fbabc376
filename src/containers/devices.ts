import { lstatSync, readdirSync, statSync } from "node:fs";
import { invalid } from "#base";
import type { HostConfig } from "./types.ts";

/** A device node of the OCI spec. */
export interface OciDevice {
  readonly path: string;
  readonly type: "c" | "b";
  readonly major: number;
  readonly minor: number;
  readonly fileMode: number;
  readonly uid: number;
  readonly gid: number;
}

export interface DeviceRule {
  readonly allow: boolean;
  readonly type?: "a" | "b" | "c";
  readonly major?: number;
  readonly minor?: number;
  readonly access: string;
}

/** gnu_dev_major and gnu_dev_minor of sys/sysmacros.h, for the device numbers Linux has (12 and 20 bits). */
const majorOf = (rdev: number): number => Math.floor(rdev / 256) & 0xfff;
const minorOf = (rdev: number): number => (rdev & 0xff) | ((Math.floor(rdev / 2 ** 12) & 0xfff00) >>> 0);

const allow = (type: "c" | "b", major: number, minor: number, access = "rwm"): DeviceRule => ({ allow: true, type, major, minor, access });

/** Docker's: null, zero, full, random, urandom, tty, console; and no /dev/fuse. */
export const DEFAULT_DEVICE_RULES: readonly DeviceRule[] = [
  { allow: false, access: "rwm" },
  ...([5, 3, 9, 8] as const).map((minor) => allow("c", 1, minor)),
  ...([0, 1] as const).map((minor) => allow("c", 5, minor)),
  { allow: false, type: "c", major: 10, minor: 229, access: "rwm" },
];

/** Major and minor of the device a path names. @throws invalidParameter when there is none */
export function deviceNumbers(path: string): { major: number; minor: number } {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) throw invalid(`Error opening device ${path}: no such file or directory`, { code: "bad-device" });
  return { major: majorOf(stat.rdev), minor: minorOf(stat.rdev) };
}

function deviceAt(host: string, path: string): OciDevice | undefined {
  const stat = statSync(host);
  if (!stat.isCharacterDevice() && !stat.isBlockDevice()) return undefined;
  const type = stat.isBlockDevice() ? "b" : "c";
  return { path, type, major: majorOf(stat.rdev), minor: minorOf(stat.rdev), fileMode: stat.mode & 0o777, uid: stat.uid, gid: stat.gid };
}

/** Every node under a directory, as `--privileged` and `--device /dev/dir` want it; pts, shm, mqueue and fd have mounts of their own. */
function devicesUnder(host: string, path: string): OciDevice[] {
  const found: OciDevice[] = [];
  for (const name of readdirSync(host)) {
    if (["pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev"].includes(name) || name === "console") continue;
    const [from, to] = [`${host}/${name}`, `${path}/${name}`];
    const stat = lstatSync(from, { throwIfNoEntry: false });
    if (stat?.isDirectory()) found.push(...devicesUnder(from, to));
    else if (stat && (stat.isCharacterDevice() || stat.isBlockDevice())) {
      const device = deviceAt(from, to);
      if (device) found.push(device);
    }
  }
  return found;
}

/** The nodes a container gets beside the runtime's own, and the cgroup rules for them. @throws invalidParameter for a path that is no device */
export function containerDevices(hostConfig: HostConfig): { devices: OciDevice[]; rules: DeviceRule[] } {
  if (hostConfig.Privileged) return { devices: devicesUnder("/dev", "/dev"), rules: [{ allow: true, access: "rwm" }] };
  const devices: OciDevice[] = [];
  const rules = [...DEFAULT_DEVICE_RULES];
  for (const request of hostConfig.Devices ?? []) {
    const host = request.PathOnHost ?? "";
    const path = request.PathInContainer || host;
    const access = request.CgroupPermissions || "rwm";
    if (!/^[rwm]+$/.test(access)) throw invalid(`invalid device mode: ${access}`, { code: "bad-device" });
    const stat = statSync(host, { throwIfNoEntry: false });
    if (!stat)
      throw invalid(`error gathering device information while adding custom device "${host}": no such file or directory`, {
        code: "bad-device",
      });
    const found = stat.isDirectory() ? devicesUnder(host, path) : [deviceAt(host, path)];
    for (const device of found) {
      if (!device)
        throw invalid(`error gathering device information while adding custom device "${host}": not a device node`, { code: "bad-device" });
      devices.push(device);
      rules.push(allow(device.type, device.major, device.minor, access));
    }
  }
  for (const rule of (hostConfig.DeviceCgroupRules as string[] | null | undefined) ?? []) {
    const match = /^([acb]) (\d+|\*):(\d+|\*) ([rwm]{1,3})$/.exec(rule);
    if (!match) throw invalid(`invalid device cgroup rule format: '${rule}'`, { code: "bad-device" });
    rules.push({
      allow: true,
      type: match[1] as "a" | "b" | "c",
      access: match[4]!,
      ...(match[2] === "*" ? {} : { major: Number(match[2]) }),
      ...(match[3] === "*" ? {} : { minor: Number(match[3]) }),
    });
  }
  return { devices, rules };
}
