import assert from "node:assert/strict";
import { test } from "node:test";
import { FairwayError } from "#base";
import { parseDaemonFlags, reloadDaemonFlags } from "./flags.ts";

const none = () => undefined;
const file = (value: unknown) => () => (typeof value === "string" ? value : JSON.stringify(value));

function parse(line: string, read: (path: string) => string | undefined = none) {
  const result = parseDaemonFlags(line === "" ? [] : line.split(" "), read);
  assert.equal(result.kind, "config");
  return result as Extract<typeof result, { kind: "config" }>;
}

const refuses = (line: string, message: string | RegExp, read: (path: string) => string | undefined = none) =>
  assert.throws(
    () => parseDaemonFlags(line.split(" "), read),
    (error: unknown) => {
      assert.ok(error instanceof FairwayError);
      if (typeof message === "string") assert.equal(error.message, message);
      else assert.match(error.message, message);
      return true;
    },
  );

/** Flags of `dockerd --help`, 20.10.24, and what 23 to 28 added, with a value that each takes. */
const DOCKERD = `--add-runtime a=/b --allow-nondistributable-artifacts x --api-cors-header x --authorization-plugin x --bip 10.9.0.1/24 -b none
--cgroup-parent x --containerd x --containerd-namespace x --containerd-plugins-namespace x --cpu-rt-period 1 --cpu-rt-runtime 1 --cri-containerd
--data-root /d -D --default-address-pool base=10.0.0.0/8,size=24 --default-cgroupns-mode host --default-gateway 10.9.0.2 --default-gateway-v6 fd00::1
--default-ipc-mode private --default-runtime runc --default-shm-size 1G --default-ulimit nofile=1:2 --dns 1.1.1.1 --dns-opt ndots:1 --dns-search a.b
--exec-opt native.cgroupdriver=cgroupfs --exec-root /e --experimental --fixed-cidr 10.9.0.128/25 --fixed-cidr-v6 fd00::/64 -G docker
-H unix:///s --host-gateway-ip 10.0.0.1 --icc --init --init-path x --insecure-registry r:5000 --ip 127.0.0.1 --ip-forward --ip-masq --ip6tables --iptables
--ipv6 --label a=b --live-restore --log-driver json-file -l info --log-opt a=b --max-concurrent-downloads 1 --max-concurrent-uploads 1
--max-download-attempts 1 --metrics-addr x --mtu 1400 --network-control-plane-mtu 1400 --no-new-privileges --node-generic-resource x
--oom-score-adjust 1 -p /p --raw-logs --registry-mirror https://x --rootless --seccomp-profile x --selinux-enabled --shutdown-timeout 1
-s overlay2 --storage-opt x --swarm-default-advertise-addr x --tls --tlscacert a --tlscert b --tlskey c --tlsverify --userland-proxy
--userland-proxy-path x --userns-remap x --validate --http-proxy x --https-proxy x --no-proxy x --default-network-opt bridge=a=b --cdi-spec-dir x
--log-format json --bip6 fd01::1/64 --ip-forward-no-drop --allow-direct-routing --feature a=true --bridge-accept-fwmark 0x1/0x1
--firewall-backend nftables --cluster-store x --cluster-advertise x --cluster-store-opt a=b --network-diagnostic-port 1`;

test("`parseDaemonFlags()` takes every flag of dockerd 20.10 to 28", () => {
  const words = DOCKERD.replace(/\n/g, " ").split(" ");
  const { config, warnings } = parseDaemonFlags(words, none) as Extract<ReturnType<typeof parseDaemonFlags>, { kind: "config" }>;
  assert.equal(config.defaultBridge.mtu, 1400);
  assert.deepEqual(config.network.addressPools, [{ base: "10.0.0.0/8", size: 24 }]);
  assert.deepEqual(config.network.defaultOptions, { bridge: { a: "b" } });
  assert.deepEqual(config.containers.ulimits, { nofile: { soft: 1, hard: 2 } });
  assert.equal(config.containers.shmSize, 1 << 30);
  assert.deepEqual(config.tls, { cert: "b", key: "c", ca: "a" });
  assert.ok(warnings.some((warning) => warning.startsWith("--containerd has no effect here")));
  assert.ok(!warnings.some((warning) => warning.startsWith("--mtu")));
});

test("`parseDaemonFlags()` gives defaults when nothing is given", () => {
  const { config, warnings } = parse("");
  assert.deepEqual(config.hosts, ["unix:///run/fairway.sock"]);
  assert.equal(config.defaultBridge.icc, true);
  assert.equal(config.network.firewall, true);
  assert.equal(config.containers.liveRestore, true);
  assert.deepEqual(warnings, []);
});

test("`parseDaemonFlags()` refuses as pflag does", () => {
  refuses("--nope", "unknown flag: --nope\nSee 'fairwayd --help'.");
  refuses("-zz", "unknown shorthand flag: 'z' in -zz\nSee 'fairwayd --help'.");
  refuses("--host", "flag needs an argument: --host\nSee 'fairwayd --help'.");
  refuses("-l", "flag needs an argument: 'l' in -l\nSee 'fairwayd --help'.");
  refuses("serve", /^"fairwayd" accepts no arguments\./);
  refuses("--mtu abc", `invalid argument "abc" for "--mtu" flag: strconv.ParseInt: parsing "abc": invalid syntax\nSee 'fairwayd --help'.`);
  refuses(
    "--tls=maybe",
    `invalid argument "maybe" for "--tls" flag: strconv.ParseBool: parsing "maybe": invalid syntax\nSee 'fairwayd --help'.`,
  );
  refuses("-l loud", /^invalid argument "loud" for "-l, --log-level" flag: /);
  refuses("--__proto__ x", "unknown flag: --__proto__\nSee 'fairwayd --help'.");
  refuses("--proxies x", "unknown flag: --proxies\nSee 'fairwayd --help'.");
  try {
    parseDaemonFlags(["--nope"], none);
  } catch (error) {
    assert.deepEqual((error as FairwayError).context, { exitCode: 125 });
  }
});

test("`parseDaemonFlags()` reads every spelling of a flag", () => {
  assert.deepEqual(
    parse("-H=unix:///a -Hunix:///b -H unix:///c --host unix:///d --host=unix:///e").config.hosts,
    "abcde".split("").map((x) => `unix:///${x}`),
  );
  assert.equal(parse("-Dl warn").config.logLevel, "debug");
  assert.equal(parse("-D=false -l warn").config.logLevel, "warn");
  assert.equal(parse("--iptables=false").config.network.firewall, false);
  assert.equal(parse("--iptables=false").config.defaultBridge.masquerade, false);
});

test("`parseDaemonFlags()` reads daemon.json with the same keys, plurals included", () => {
  const { config, warnings } = parse(
    "--mtu 1450",
    file({
      hosts: ["unix:///x"],
      bip: "10.1.0.1/16",
      labels: ["a=b"],
      "default-address-pools": [{ base: "10.2.0.0/16", size: 24 }],
      "insecure-registries": ["r:5000"],
      "default-ulimits": { nofile: { Name: "nofile", Soft: 1, Hard: 2 } },
      runtimes: { mine: { path: "/m", runtimeArgs: ["-v"] } },
      "log-opts": { "max-size": "1m" },
      proxies: { "http-proxy": "http://p" },
      "userland-proxy": false,
      builder: { gc: {} },
    }),
  );
  assert.deepEqual(config.hosts, ["unix:///x"]);
  assert.equal(config.defaultBridge.bip, "10.1.0.1/16");
  assert.equal(config.defaultBridge.mtu, 1450);
  assert.deepEqual(config.containers.runtimes, { mine: { path: "/m", args: ["-v"] } });
  assert.equal(config.registry.httpProxy, "http://p");
  assert.ok(warnings.some((warning) => warning.startsWith("proxies has no effect here: there is no registry client yet")));
  assert.ok(warnings.some((warning) => warning.startsWith("--userland-proxy has no effect here")));
});

test("`parseDaemonFlags()` refuses a file in Docker's words", () => {
  const of = (rest: string) => `unable to configure the Docker daemon with file /f: ${rest}`;
  const at = "--config-file /f";
  refuses(at, of("open /f: no such file or directory"));
  refuses(at, of("the following directives don't match any configuration option: nope, zz"), file({ nope: 1, zz: 2 }));
  refuses(
    `${at} --bip 10.0.0.1/8 --label a=b`,
    of(
      "the following directives are specified both as a flag and in the configuration file: bip: (from flag: 10.0.0.1/8, from file: 1.2.3.4/5), labels: (from flag: [a=b], from file: [c=d])",
    ),
    file({ bip: "1.2.3.4/5", labels: ["c=d"] }),
  );
  refuses(at, /invalid JSON/, file("{"));
  refuses(at, /it holds no object/, file("[]"));
  refuses(at, of("mtu: json: cannot unmarshal string into Go value of type int"), file({ mtu: "x" }));
  refuses(at, of("bip: invalid CIDR address: x"), file({ bip: "x" }));
  assert.equal(parse(at, file("")).config.configFile, "/f");
  assert.deepEqual(
    Object.keys(parse(`${at} --add-runtime a=/a`, file({ runtimes: { b: { path: "/b" } } })).config.containers.runtimes).sort(),
    ["a", "b"],
  );
});

test("`parseDaemonFlags()` checks values and their combinations", () => {
  refuses("--mtu -1", "invalid default MTU: -1");
  refuses("-b br0 --bip 10.0.0.1/8", "You specified -b & --bip, mutually exclusive options. Please specify only one");
  refuses("--icc=false --iptables=false", /^You specified --iptables=false with --icc=false/);
  refuses("--bip fd00::1/64", "invalid --bip fd00::1/64: want IPv4");
  refuses("--bip 10.0.0.1/24 --fixed-cidr 10.1.0.0/25", /is not inside --bip/);
  refuses("--dns x", /x is not an ip address/);
  refuses("--label x", /bad attribute format: x/);
  refuses("--label a=1 --label a=2", "conflict labels for a=1 and a=2");
  refuses("--default-address-pool base=10.0.0.0/8,size=4", /invalid pool size 4/);
  refuses("--default-address-pool size=4", /missing base/);
  refuses("--default-ulimit nofile=3:2", /soft limit must be less/);
  refuses("--default-ulimit zz=3", /invalid ulimit type: zz/);
  refuses("--tlsverify --tlscert a --tlskey b", /needs --tlscacert/);
  refuses("--default-runtime zz", "specified default runtime 'zz' does not exist");
  refuses("--max-download-attempts 0", "invalid max download attempts: 0");
  refuses("--bridge abcdefghijklmnop", /at most 15 bytes/);
  assert.equal(parse("-b none").config.defaultBridge.name, "none");
});

test("`parseDaemonFlags()` prints every flag with --help that is not hidden", () => {
  const result = parseDaemonFlags(["--help"], none);
  assert.equal(result.kind, "help");
  const text = (result as { text: string }).text;
  for (const name of ["--bip string", "-H, --host list", "--icc", "--runtime string", "--default-address-pool pool-options"])
    assert.ok(text.includes(name), name);
  assert.ok(!text.includes("cluster-store"));
  assert.ok(text.split("\n").every((line) => line.length <= 100));
  assert.equal(parseDaemonFlags(["-v"], none).kind, "version");
});

test("`reloadDaemonFlags()` takes what a running daemon can take and names the rest", () => {
  const before = { text: JSON.stringify({ debug: false, bip: "10.0.0.1/24" }) };
  const { config, warnings } = reloadDaemonFlags(
    [],
    before,
    file({ debug: true, bip: "10.1.0.1/24", labels: ["a=b"], "insecure-registries": ["x"] }),
  );
  assert.equal(config.logLevel, "debug");
  assert.deepEqual(config.labels, ["a=b"]);
  assert.deepEqual(config.registry.insecure, ["x"]);
  assert.equal(config.defaultBridge.bip, "10.0.0.1/24");
  assert.deepEqual(warnings, [
    "--insecure-registry has no effect here: there is no registry client yet; images come by docker import and docker load",
    "bip has changed in the configuration file: it takes effect at the next start",
  ]);
});
