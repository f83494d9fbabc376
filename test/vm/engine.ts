import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { dockerPath, localImage, type Machine, type VmLab } from "#lab";
import { sharedLab } from "./shared-lab.ts";

const PROJECT = dirname(dirname(import.meta.dirname));
/** What the machines have a copy of: reading 400 files over 9p is slow, and the tests see one state of them though somebody edits. */
const COPIED = ["bin", "src", ".cache/node"];
const MARK = "\u0001";
const ENVIRONMENT = `export DOCKER_HOST=unix:///run/docker.sock HOME=/data/home PATH=${dockerPath("$PATH")}`;
const SLOW = 240_000;
/** A daemon's first command may take more than a minute: the machine is emulated, and this one has other work. */
const DOCKER = "timeout 200 docker";

/** A machine with fairwayd running in it, and the docker CLI. */
export class VmHost {
  readonly machine: Machine;
  readonly name: string;
  readonly #number: number;

  /** @param number last number of its addresses on eth0, 192.168.56.x and fd56::x */
  constructor(machine: Machine, number: number) {
    this.machine = machine;
    this.name = machine.name;
    this.#number = number;
  }

  /** Runs a shell script. @returns standard output. @throws CommandError */
  sh(script: string): Promise<string> {
    return this.machine.sh(`${ENVIRONMENT}\n${script}`, { timeout: SLOW });
  }

  /** Types `docker …` for each, one after the other, in one script: each call into the machine costs time. @returns what each printed */
  async docker<const T extends readonly string[]>(...commands: T): Promise<{ [K in keyof T]: string }> {
    const lines = commands.map((command) => `${DOCKER} ${command}; printf '${MARK}'`);
    const output = await this.sh(["set -e", ...lines].join("\n"));
    return output
      .split(MARK)
      .slice(0, commands.length)
      .map((text) => text.trim()) as { [K in keyof T]: string };
  }

  /** What `docker …` prints on standard error; it must fail. */
  async dockerFails(...commands: string[]): Promise<string[]> {
    const lines = commands.map(
      (command) => `${DOCKER} ${command} 2>&1 && echo "succeeded: ${command.replaceAll('"', "")}"; printf '${MARK}'`,
    );
    const texts = (await this.sh(`${lines.join("\n")}\ntrue`)).split(MARK).slice(0, commands.length);
    return texts.map((text) => text.replace(/^(docker: )?Error response from daemon: /m, "").trim());
  }

  /** Process ids of running containers by name. */
  async pids(names: readonly string[]): Promise<Map<string, string>> {
    if (names.length === 0) return new Map();
    const [pids] = await this.docker(`inspect -f '{{.State.Pid}}' ${names.join(" ")}`);
    return new Map(pids.split("\n").map((pid, index) => [names[index]!, pid]));
  }

  /** What a booted machine needs: the project, interfaces with addresses, the daemon. What is on its disk already stays. */
  async setUp(): Promise<void> {
    if ((await this.sh("ls /data")).split("\n").every((name) => name !== "project")) await this.#copyProject();
    // All interfaces are on one segment: the others are not to answer for eth0's address.
    await this.sh(`for part in ${COPIED.join(" ")}; do mount --bind /data/project/$part ${PROJECT}/$part; done
      mkdir -p /data/home; sysctl -qw net.ipv4.conf.eth1.arp_ignore=1 net.ipv4.conf.eth2.arp_ignore=1
      modprobe -a ipvlan macvlan 8021q dummy veth bridge
      ip addr flush dev eth0; ip addr add 192.168.56.${this.#number}/24 dev eth0; ip addr add fd56::${this.#number}/64 dev eth0 nodad
      ip link set eth0 up`);
    await this.startDaemon();
  }

  async #copyProject(): Promise<void> {
    const archive = this.machine.sharedPath("project.tar");
    execFileSync("tar", ["-C", PROJECT, "-cf", archive, ...COPIED]);
    await this.sh("mkdir /data/project; tar -C /data/project -xf /run/vmlab/share/project.tar; sync /data");
    rmSync(archive);
  }

  /** Cuts the machine's power, and boots it again up to a running daemon. */
  async powerCycle(): Promise<void> {
    await this.machine.powerCycle();
    await this.setUp();
  }

  async startDaemon(): Promise<void> {
    const flags = "-H unix:///run/docker.sock --data-root /data/fairway --exec-root /run/fairway --pidfile /run/fairway.pid";
    await this.sh(`
      setsid ${PROJECT}/bin/fairwayd ${flags} >>/data/fairwayd.log 2>&1 </dev/null &
      daemon=$!
      until curl -sf --unix-socket /run/docker.sock http://daemon/_ping >/dev/null; do
        kill -0 $daemon || { tail -n 20 /data/fairwayd.log >&2; exit 1; }
        sleep 0.3
      done`);
  }

  /** `kill -9`, as a crash; what runs meanwhile is `during`. */
  async crashDaemon(during = ":"): Promise<void> {
    await this.sh(
      `kill -9 $(cat /run/fairway.pid); while [ -e /proc/$(cat /run/fairway.pid) ]; do sleep 0.1; done; rm -f /run/docker.sock; ${during}`,
    );
    await this.startDaemon();
  }
}

export interface VmStage {
  readonly lab: VmLab;
  readonly h1: VmHost;
  readonly h2: VmHost;
  readonly hosts: readonly [VmHost, VmHost];
  /** The same on both machines, at the same time. */
  both<T>(act: (host: VmHost, index: 0 | 1) => Promise<T>): Promise<[T, T]>;
}

let starting: Promise<VmStage> | undefined;

/** h1 (192.168.56.11, fd56::11 on eth0) and h2 (.12, ::12) with daemons and the busybox image, once for all tests of a run. */
export function vmStage(): Promise<VmStage> {
  starting ??= start();
  return starting;
}

async function start(): Promise<VmStage> {
  // Compiles the daemon's code into .cache/node: under emulation that takes a minute.
  execFileSync(`${PROJECT}/bin/fairwayd`, ["--version"]);
  const lab = await sharedLab();
  const hosts = [new VmHost(lab.machine("h1"), 11), new VmHost(lab.machine("h2"), 12)] as const;
  const both = <T>(act: (host: VmHost, index: 0 | 1) => Promise<T>) => Promise.all([act(hosts[0], 0), act(hosts[1], 1)]);
  await both(async (host) => {
    await host.setUp();
    await host.docker(`import -c 'CMD ["sh"]' ${localImage()} busybox:latest`);
  });
  return { lab, h1: hosts[0], h2: hosts[1], hosts, both };
}
