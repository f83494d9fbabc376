import { messageOf } from "#base";
import { loadRuleset } from "#kernel/nftables";
import { type Check, fail, ok, warn } from "../check.ts";
import type { RunProgram } from "../firewall/inspector.ts";
import type { HostFiles } from "./files.ts";

const SECCOMP_PROFILE = "/usr/share/containers/seccomp.json";

const install = (name: string): string => `apt-get install --no-install-recommends ${name}, or npm run setup in the checkout`;

/** What Fairway runs or loads of the host's, a check each. */
export const PROGRAMS: readonly ((run: RunProgram, files: HostFiles) => Check)[] = [
  conmon,
  runtimes,
  tar,
  nftables,
  (_, files) => seccomp(files),
];

const versionOf = (text: string | undefined): string | undefined =>
  text === undefined ? undefined : (/\d+\.\d+[\w.+~-]*/.exec(text)?.[0] ?? "unknown");

function conmon(run: RunProgram): Check {
  const version = versionOf(run("conmon", ["--version"]));
  return version ? ok("conmon", `conmon ${version}.`) : fail("conmon", "conmon is not installed: no container can run.", install("conmon"));
}

function runtimes(run: RunProgram, files: HostFiles): Check {
  const found = ["crun", "runc"].flatMap((name) => {
    const version = versionOf(run(name, ["--version"]));
    return version ? [{ name, version }] : [];
  });
  if (found.length === 0) return fail("runtime", "Neither crun nor runc is installed: no container can run.", install("runc"));
  const text = found.map(({ name, version }) => `${name} ${version}`).join(", ");
  if (layoutOf(files) === "hybrid" && !found.some(({ name }) => name === "runc"))
    return fail("runtime", `${text} alone: crun does not run on a hybrid cgroup layout.`, install("runc"));
  return ok("runtime", `${text}.`);
}

function tar(run: RunProgram): Check {
  const text = run("tar", ["--version"]);
  if (text === undefined) return fail("tar", "tar is not installed: images cannot be unpacked.", install("tar"));
  if (!/GNU tar/.test(text)) return fail("tar", "tar is not GNU tar: images need its --xattrs.", install("tar"));
  return ok("tar", `GNU tar ${versionOf(text)}.`);
}

/** The library loads Fairway's ruleset; the program lists foreign ones, for this doctor. */
function nftables(run: RunProgram): Check {
  try {
    // Loads nothing: it proves that the library is there.
    loadRuleset("");
  } catch (error) {
    return fail("nftables", `libnftables does not work: ${messageOf(error)}.`, install("libnftables1"));
  }
  const version = versionOf(run("nft", ["--version"]));
  return version
    ? ok("nftables", `libnftables loads; nft ${version}.`)
    : warn("nftables", "nft is not installed: foreign firewall rules cannot be examined.", install("nftables"));
}

function seccomp(files: HostFiles): Check {
  if (files.read(SECCOMP_PROFILE) !== undefined) return ok("seccomp", `The default profile is ${SECCOMP_PROFILE}.`);
  return warn(
    "seccomp",
    `${SECCOMP_PROFILE} is not there: containers run without a seccomp profile.`,
    install("golang-github-containers-common"),
  );
}

export type CgroupLayout = "v2" | "v1" | "hybrid" | "none";

export function layoutOf(files: HostFiles): CgroupLayout {
  if (files.read("/sys/fs/cgroup/cgroup.controllers") !== undefined) return "v2";
  if ((files.read("/sys/fs/cgroup/unified/cgroup.controllers") ?? "").trim() !== "") return "hybrid";
  return files.list("/sys/fs/cgroup").length > 0 ? "v1" : "none";
}

const WANTED = ["memory", "cpu", "pids"];

/** Which cgroup hierarchy limits containers, and whether it can. */
export function cgroups(files: HostFiles): Check {
  const layout = layoutOf(files);
  if (layout === "none")
    return fail(
      "cgroups",
      "No cgroup hierarchy is mounted at /sys/fs/cgroup: no container can run.",
      "mount -t cgroup2 none /sys/fs/cgroup",
    );
  const there =
    layout === "v2"
      ? (files.read("/sys/fs/cgroup/cgroup.controllers") ?? "").trim().split(/\s+/)
      : files.list("/sys/fs/cgroup").flatMap((name) => name.split(","));
  const missing = WANTED.filter((name) => !there.includes(name));
  const note = layout === "hybrid" ? "hybrid (v1 controllers and a v2 hierarchy with controllers): runc runs on it, crun does not" : layout;
  if (missing.length === 0) return ok("cgroups", `The cgroup layout is ${note}.`);
  return warn(
    "cgroups",
    `The cgroup layout is ${note}; it has no controller ${missing.join(", ")}: those limits are not kept.`,
    "enable the controller on the kernel's command line, as cgroup_enable=memory",
  );
}
