import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { driftChecks, leakChecks, traces } from "../leaks.ts";
import { portChecks } from "../ports.ts";
import type { HostFiles } from "./files.ts";
import { kernelSettings } from "./kernel-settings.ts";
import { otherEngines } from "./other-engines.ts";
import { cgroups, PROGRAMS } from "./programs.ts";
import { dataRoot, limits } from "./resources.ts";
import { savedRulesets } from "./saved-ruleset.ts";

/** A host made of some files. */
function fakeFiles(files: Readonly<Record<string, string>>): HostFiles {
  const names = (path: string) =>
    Object.keys(files).flatMap((file) => (file.startsWith(`${path}/`) ? [file.slice(path.length + 1).split("/")[0]!] : []));
  return { read: (path) => files[path], list: (path) => [...new Set(names(path))] };
}

const SETTINGS = {
  "/proc/sys/net/ipv4/ip_forward": "1\n",
  "/proc/sys/net/ipv6/conf/all/disable_ipv6": "0\n",
  "/proc/sys/net/ipv6/conf/all/forwarding": "1\n",
};
const statusOf = (checks: readonly { name: string; status: string }[], name: string) => checks.find((check) => check.name === name)?.status;

describe("kernelSettings()", () => {
  test("`kernelSettings()` warns when forwarding is off", () => {
    assert.equal(statusOf(kernelSettings(fakeFiles(SETTINGS), "eth0"), "ip-forward"), "ok");
    assert.equal(statusOf(kernelSettings(fakeFiles({ ...SETTINGS, "/proc/sys/net/ipv4/ip_forward": "0" }), "eth0"), "ip-forward"), "warn");
  });

  test("`kernelSettings()` warns of a lost IPv6 route when forwarding makes the uplink ignore advertisements", () => {
    const with1 = fakeFiles({ ...SETTINGS, "/proc/sys/net/ipv6/conf/eth0/accept_ra": "1" });
    const with2 = fakeFiles({ ...SETTINGS, "/proc/sys/net/ipv6/conf/eth0/accept_ra": "2" });
    assert.equal(statusOf(kernelSettings(with1, "eth0"), "ipv6"), "warn");
    assert.equal(statusOf(kernelSettings(with2, "eth0"), "ipv6"), "ok");
    assert.equal(statusOf(kernelSettings(with1, undefined), "ipv6"), "ok");
    assert.equal(statusOf(kernelSettings(fakeFiles({}), "eth0"), "ipv6"), "warn");
  });

  test("`kernelSettings()` fails when a table of the kernel's is full", () => {
    const arp = `header\n${"entry\n".repeat(1020)}`;
    const full = { ...SETTINGS, "/proc/sys/net/ipv4/neigh/default/gc_thresh3": "1020", "/proc/net/arp": arp };
    assert.equal(statusOf(kernelSettings(fakeFiles(full), "eth0"), "neighbour-table"), "fail");
    const tracked = { "/proc/sys/net/netfilter/nf_conntrack_max": "1000", "/proc/sys/net/netfilter/nf_conntrack_count": "850" };
    assert.equal(statusOf(kernelSettings(fakeFiles({ ...SETTINGS, ...tracked }), "eth0"), "conntrack-table"), "warn");
  });
});

const programs = (run: (program: string) => string | undefined, files: HostFiles) => PROGRAMS.map((check) => check(run, files));

describe("PROGRAMS and cgroups()", () => {
  const hybrid = {
    "/sys/fs/cgroup/unified/cgroup.controllers": "pids\n",
    "/sys/fs/cgroup/memory/x": "",
    "/sys/fs/cgroup/cpu,cpuacct/x": "",
    "/sys/fs/cgroup/pids/x": "",
  };
  const having =
    (...there: string[]) =>
    (program: string) =>
      there.includes(program) ? `${program} version 1.2.3 (GNU tar)` : undefined;

  test("`PROGRAMS` fail for what is missing, and for crun alone on a hybrid layout", () => {
    const all = programs(having("conmon", "runc", "tar", "nft"), fakeFiles(hybrid));
    assert.deepEqual([statusOf(all, "conmon"), statusOf(all, "runtime"), statusOf(all, "tar")], ["ok", "ok", "ok"]);
    assert.equal(statusOf(all, "seccomp"), "warn");
    assert.equal(statusOf(programs(having("crun"), fakeFiles(hybrid)), "runtime"), "fail");
    assert.equal(statusOf(programs(having("crun"), fakeFiles({ "/sys/fs/cgroup/cgroup.controllers": "cpu" })), "runtime"), "ok");
    assert.equal(statusOf(programs(having(), fakeFiles({})), "conmon"), "fail");
    assert.equal(
      statusOf(
        programs(() => "tar (busybox) 1.35", fakeFiles({})),
        "tar",
      ),
      "fail",
    );
  });

  test("`cgroups()` names the layout and the controllers that are missing", () => {
    assert.match(cgroups(fakeFiles(hybrid)).finding, /hybrid/);
    assert.equal(cgroups(fakeFiles(hybrid)).status, "ok");
    assert.equal(cgroups(fakeFiles({ "/sys/fs/cgroup/cgroup.controllers": "cpuset cpu memory pids" })).status, "ok");
    assert.match(cgroups(fakeFiles({ "/sys/fs/cgroup/cgroup.controllers": "cpu pids" })).finding, /no controller memory/);
    assert.equal(cgroups(fakeFiles({})).status, "fail");
  });
});

describe("resources", () => {
  const GIB = 1 << 30;
  test("`dataRoot()` fails when overlayfs would be nested, and when the disk is full", () => {
    const status = (type: number, available: number) => dataRoot("/d", { type, available, size: 100 * GIB }).map((check) => check.status);
    assert.deepEqual(status(0xef53, 50 * GIB), ["ok", "ok"]);
    assert.deepEqual(status(0x794c7630, 50 * GIB), ["fail", "ok"]);
    assert.deepEqual(status(0x01021994, 50 * GIB), ["warn", "ok"]);
    assert.deepEqual(status(0xef53, GIB), ["ok", "warn"]);
    assert.deepEqual(status(0xef53, GIB / 8), ["ok", "fail"]);
  });

  test("`limits()` reads the daemon's own limit of open files", () => {
    const files = {
      "/proc/sys/fs/inotify/max_user_instances": "8192",
      "/proc/7/limits": "Limit   Soft Hard\nMax open files            1024                 4096                 files\n",
    };
    assert.deepEqual(
      limits(fakeFiles(files), 7).map(({ name }) => name),
      ["open-files"],
    );
    assert.deepEqual(
      limits(fakeFiles(files), undefined).map(({ name }) => name),
      ["limits"],
    );
    assert.deepEqual(
      limits(fakeFiles({ "/proc/sys/fs/inotify/max_user_instances": "128" }), 7).map(({ name }) => name),
      ["inotify"],
    );
  });
});

test("`otherEngines()` names engines of this namespace and a docker0 that is not ours", () => {
  const files = fakeFiles({ "/proc/12/comm": "dockerd\n", "/proc/13/comm": "dockerd\n", "/proc/14/comm": "bash\n" });
  const namespaces: Record<string, string> = { self: "net:[1]", "12": "net:[1]", "13": "net:[2]", "14": "net:[1]" };
  const docker0 = { name: "docker0", kind: "bridge" } as Parameters<typeof otherEngines>[1][number];
  const [check] = otherEngines(files, [docker0], (pid) => namespaces[pid]);
  assert.match(check!.finding, /^dockerd \(process 12\) also runs here\..*docker0 is not Fairway's/);
  const [none] = otherEngines(fakeFiles({}), [{ ...docker0, alias: "fairway:network:1" }], () => "net:[1]");
  assert.match(none!.finding, /^No other/);
});

describe("leaks", () => {
  const id = "ab".repeat(32);
  const other = "cd".repeat(32);
  const line = (path: string) => `36 35 0:50 / ${path} rw - overlay overlay rw`;
  const files = fakeFiles({
    "/proc/self/mountinfo": [
      line("/"),
      line(`/data\\040x/containers/${id}/merged`),
      line(`/data\\040x/containers/${other}/merged`),
      line("/run/netns/x"),
    ].join("\n"),
    "/run/fw/netns/abababababab": "",
    "/run/fw/netns/cdcdcdcdcdcd": "",
    "/run/fw/netns/default": "",
  });
  const roots = { dataRoot: "/data x", execRoot: "/run/fw" };
  const known = { drift: () => [], containers: async () => new Set([id]), pid: 1 };

  test("`traces()` finds mounts and namespaces of containers under our roots alone", () => {
    assert.deepEqual(
      traces(files, roots).map(({ kind, id: found }) => `${kind} ${found.slice(0, 4)}`),
      ["mount abab", "mount cdcd", "namespace abab", "namespace cdcd"],
    );
  });

  test("`leakChecks()` names what no container owns, unless it is gone by now", async () => {
    const [check] = await leakChecks(files, roots, known, () => true);
    assert.equal(check!.status, "fail");
    assert.match(check!.finding, /mounts \/data x\/containers\/cdcd.*namespaces \/run\/fw\/netns\/cdcdcdcdcdcd/);
    assert.doesNotMatch(check!.finding, /abab/);
    assert.equal((await leakChecks(files, roots, known, () => false))[0]!.status, "ok");
  });

  test("`driftChecks()` tells strays from what others changed", () => {
    assert.deepEqual(
      driftChecks([]).map(({ status }) => status),
      ["ok", "ok"],
    );
    const drift = { scopes: [], operation: undefined as never };
    const checks = driftChecks([
      { ...drift, kind: "missing", description: "link br-1 (bridge)" },
      { ...drift, kind: "stray", description: "link br-2 (bridge)" },
    ]);
    assert.deepEqual(
      checks.map(({ name, status }) => [name, status]),
      [
        ["drift", "fail"],
        ["strays", "fail"],
      ],
    );
    assert.match(checks[0]!.finding, /link br-1 \(bridge\) \(missing\)/);
  });
});

describe("portChecks()", () => {
  const port = (proto: "tcp" | "udp", number: number, address = "0.0.0.0") => ({ proto, address, port: number, container: "web" });
  const nginx = { address: "0.0.0.0", port: 8080, inode: 100, connected: false };
  const stub = { address: "127.0.0.53", port: 53, inode: 101, connected: false };
  const client = { address: "0.0.0.0", port: 9000, inode: 102, connected: true };
  const check = (ports: ReturnType<typeof port>[], own: number[] = []) =>
    portChecks(ports, {
      isLocal: (address) => address !== "192.0.2.80",
      rivals: (_, address) =>
        [nginx, stub, client].filter((socket) => [address, socket.address].includes("0.0.0.0") || address === socket.address),
      isOwn: (inode) => own.includes(inode),
      holder: (inode) => (inode === 100 ? "nginx (pid 812)" : undefined),
    })[0]!;

  test("`portChecks()` finds another's listener on a published port, and not the daemon's own", () => {
    assert.match(
      check([port("tcp", 8080), port("udp", 53)]).finding,
      /8080\/tcp \(published by web, listened on by nginx \(pid 812\)\), 53\/udp \(published by web, listened on by socket 101\)/,
    );
    assert.equal(check([port("tcp", 8080)], [100]).status, "ok");
    assert.equal(check([port("udp", 9000)]).status, "ok", "a client of one peer is no listener");
  });

  test("`portChecks()` is content when the listener has another address", () => {
    assert.equal(check([port("udp", 53, "192.0.2.1")]).status, "ok", "systemd-resolved's stub beside a published address");
    assert.equal(check([port("udp", 53, "127.0.0.53")]).status, "fail");
    assert.equal(check([port("tcp", 8080, "192.0.2.80")]).status, "ok", "a container's own address on a LAN");
    assert.equal(check([port("tcp", 8080, "192.0.2.1")]).status, "fail");
  });
});

test("`savedRulesets()` warns of files loaded at boot that hold our tables", () => {
  const saved = 'table inet mine {\n}\ntable inet fairway-keep {\n\tcomment "x"\n}\n';
  const checks = savedRulesets(fakeFiles({ "/etc/nftables.conf": saved, "/etc/nftables.d/a.nft": "table inet fairwayish {\n}\n" }));
  assert.deepEqual(
    checks.map(({ status }) => status),
    ["warn"],
  );
  assert.match(checks[0]!.finding, /^\/etc\/nftables\.conf holds/);
  assert.match(checks[0]!.wayOut, /^sed -i .* \/etc\/nftables\.conf$/);
  assert.equal(savedRulesets(fakeFiles({}))[0]!.status, "ok");
});
