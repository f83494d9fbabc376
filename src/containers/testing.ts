/** What live tests of this room need: a machine of their own, a busybox root, an engine of bare namespaces. Not exported by the door. */
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { newId, notFound, silentLog } from "#base";
import type { Engine, NetworkView, SandboxSpec, SandboxStateView, SandboxView } from "#engine";
import type { ImageRunConfig, Images, ImageView } from "#images";
import { mountFs } from "#kernel/ffi";
import { createNamespace, removeNamespace, removeNamespaceDirectory } from "#kernel/netns";
import { MemoryStore, type Store } from "#store";
import { type ContainersOptions, openContainers } from "./open.ts";
import { mountsUnder } from "./overlay.ts";
import type { ContainerService } from "./service.ts";
import type { ContainerCreateBody, OutputChunk } from "./types.ts";

const MARK = "FAIRWAY_CONTAINERS_ISOLATED";

/**
 * Runs the calling test file again in mount, network and pid namespaces of its own, and ends with its status; whatever it starts dies with it.
 * Returns only inside. A shell is its init, which reaps what conmon leaves to it.
 */
export function isolateProcesses(): void {
  if (process.env[MARK]) {
    mountFs({ source: "tmpfs", target: "/run", type: "tmpfs" });
    return;
  }
  const unshare = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"];
  const program = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const result = spawnSync("unshare", [...unshare, "sh", "-c", '"$@"; exit $?', "sh", ...program], {
    stdio: "inherit",
    env: { ...process.env, [MARK]: "1" },
  });
  process.exit(result.status ?? 1);
}

/** A root file system of busybox-static. */
export function makeBusyboxRoot(root: string): void {
  for (const directory of ["bin", "proc", "sys", "dev", "etc", "tmp", "home", "data"])
    mkdirSync(`${root}/${directory}`, { recursive: true });
  copyFileSync("/bin/busybox", `${root}/bin/busybox`);
  for (const applet of execFileSync("/bin/busybox", ["--list"], { encoding: "utf8" }).split("\n"))
    if (applet && applet !== "busybox") symlinkSync("busybox", `${root}/bin/${applet}`);
  writeFileSync(`${root}/etc/passwd`, "root:x:0:0:root:/root:/bin/sh\nbob:x:1000:1000:Bob:/home/bob:/bin/sh\n");
  writeFileSync(`${root}/etc/group`, "root:x:0:\nbob:x:1000:\nstaff:x:50:bob\n");
  writeFileSync(`${root}/data/seed`, "from the image\n");
  writeFileSync(`${root}/bin/noexec`, "#!/bin/sh\n", { mode: 0o644 });
}

export class FakeImages {
  readonly #root: string;
  readonly id = `sha256:${newId()}`;
  config: ImageRunConfig = { Cmd: ["sh"], Env: ["PATH=/bin:/usr/bin"] };

  constructor(root: string) {
    this.#root = root;
  }

  find(reference: string): ImageView {
    if (!["busybox", "busybox:latest", this.id].includes(reference)) throw notFound(`No such image: ${reference}:latest`);
    const plain = { created: "2026-01-01T00:00:00Z", architecture: "amd64", os: "linux", author: "", comment: "", history: [] };
    return {
      ...plain,
      parent: "",
      dockerVersion: "",
      id: this.id,
      repoTags: ["busybox:latest"],
      repoDigests: [],
      config: this.config,
      layers: ["sha256:0"],
      size: 1000,
    };
  }

  lowerDirs(): readonly string[] {
    return [this.#root];
  }

  async release(): Promise<void> {}
}

/** Sandboxes that are a namespace with nothing in it. */
export class FakeEngine {
  readonly #directory: string;
  readonly specs = new Map<string, SandboxSpec>();
  readonly up = new Set<string>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  #path(id: string): string {
    return `${this.#directory}/${id.slice(0, 12)}`;
  }

  async declareSandbox(spec: SandboxSpec): Promise<void> {
    this.specs.set(spec.containerId, spec);
  }

  async renameSandbox(): Promise<void> {}

  async openSandbox(id: string): Promise<SandboxView> {
    const spec = this.specs.get(id)!;
    const donor = spec.network.mode === "container" ? spec.network.containerId : id;
    if (donor === id && spec.network.mode !== "host" && !existsSync(this.#path(id))) createNamespace(this.#path(id));
    this.up.add(id);
    mkdirSync(spec.filesDir, { recursive: true });
    for (const [file, text] of [
      ["hosts", "127.0.0.1\tlocalhost\n"],
      ["hostname", `${spec.hostname}\n`],
      ["resolv.conf", "nameserver 127.0.0.11\n"],
    ] as const)
      writeFileSync(`${spec.filesDir}/${file}`, text);
    return {
      sandboxId: id,
      ...(spec.network.mode === "host" ? {} : { netnsPath: this.#path(donor) }),
      hostnamePath: `${spec.filesDir}/hostname`,
      hostsPath: `${spec.filesDir}/hosts`,
      resolvConfPath: `${spec.filesDir}/resolv.conf`,
      environment: [],
    };
  }

  async closeSandbox(id: string): Promise<void> {
    this.up.delete(id);
    removeNamespace(this.#path(id));
  }

  async forgetSandbox(id: string): Promise<void> {
    await this.closeSandbox(id);
    this.specs.delete(id);
  }

  describeSandbox(id: string): SandboxStateView {
    if (!this.specs.has(id)) throw notFound(`sandbox ${id} not found`);
    return { sandboxId: this.up.has(id) ? id : "", sandboxKey: this.up.has(id) ? this.#path(id) : "", endpoints: [], ports: {} };
  }

  findNetwork(reference: string): NetworkView {
    throw notFound(`network ${reference} not found`);
  }
}

/** One daemon's worth of containers; `restart()` is its death (nothing is told to anyone) and a new one on the same data. */
export class Bench implements AsyncDisposable {
  readonly root: string;
  readonly store: Store = new MemoryStore();
  readonly engine: FakeEngine;
  readonly images: FakeImages;
  readonly options: ContainersOptions;
  containers!: ContainerService;
  /** The room's own watches keep no process alive; a daemon's server does. */
  readonly #alive = setInterval(() => {}, 1000);

  private constructor(options: Partial<ContainersOptions>) {
    this.root = `/run/bench-${newId().slice(0, 6)}`;
    makeBusyboxRoot(`${this.root}/image`);
    this.engine = new FakeEngine(`${this.root}/netns`);
    this.images = new FakeImages(`${this.root}/image`);
    this.options = {
      dataRoot: `${this.root}/data`,
      execRoot: `${this.root}/exec`,
      store: this.store,
      engine: this.engine as unknown as Engine,
      images: this.images as unknown as Images,
      log: silentLog,
      ...options,
      defaults: { cgroupParent: `fairway-test-${newId().slice(0, 8)}`, ...options.defaults },
    };
  }

  static async open(options: Partial<ContainersOptions> = {}): Promise<Bench> {
    const bench = new Bench(options);
    bench.containers = await openContainers(bench.options);
    await bench.containers.reconcile();
    return bench;
  }

  /** The daemon goes away without a word and comes back. */
  async restart(): Promise<void> {
    await this.containers.close();
    this.containers = await openContainers(this.options);
    await this.containers.reconcile();
  }

  create(Cmd: string[], body: Partial<ContainerCreateBody> = {}, name?: string): Promise<{ Id: string }> {
    return this.containers.create(name, { Image: "busybox", Cmd, ...body });
  }

  /** Create, start, wait, as `docker run` without a terminal; the container stays. */
  async run(Cmd: string[], body: Partial<ContainerCreateBody> = {}): Promise<{ id: string; code: number; stdout: string; stderr: string }> {
    const { Id } = await this.create(Cmd, body);
    const session = await this.containers.attach(Id, { stdin: false, stdout: true, stderr: true, logs: false, stream: true });
    const output = collect(session.output);
    const exit = this.containers.wait(Id, "next-exit").result;
    await this.containers.start(Id);
    const { StatusCode } = await exit;
    return { id: Id, code: StatusCode, ...(await output) };
  }

  /** What is left that nothing should leave: mounts, cgroups, the runtime's state, processes of ours. */
  leftovers(): string[] {
    const left = mountsUnder(this.root).filter((path) => path !== `${this.root}/netns`);
    for (const place of ["data/containers", "exec/containers", "exec/exits", "exec/runtime", "netns", "data/volumes"]) {
      const path = `${this.root}/${place}`;
      if (existsSync(path)) left.push(...readdirSync(path).map((name) => `${path}/${name}`));
    }
    const parent = this.options.defaults!.cgroupParent!;
    for (const hierarchy of readdirSync("/sys/fs/cgroup")) {
      const path = `/sys/fs/cgroup/${hierarchy}/${parent}`;
      if (existsSync(path)) left.push(path);
    }
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ");
        if (command.startsWith("/usr/bin/conmon") || command.includes(this.root)) left.push(`process ${pid}: ${command}`);
      } catch {}
    }
    return left;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const row of await this.containers.list({ all: true, filters: {} }))
      await this.containers.remove(row.Id as string, { force: true, volumes: true, link: false }).catch(() => {});
    await this.containers.close();
    clearInterval(this.#alive);
    removeNamespaceDirectory(`${this.root}/netns`);
    rmSync(this.root, { recursive: true, force: true });
  }
}

export async function collect(output: AsyncIterable<OutputChunk>): Promise<{ stdout: string; stderr: string }> {
  const parts: { stdout: Uint8Array[]; stderr: Uint8Array[] } = { stdout: [], stderr: [] };
  for await (const { stream, data } of output) parts[stream].push(data);
  return { stdout: Buffer.concat(parts.stdout).toString(), stderr: Buffer.concat(parts.stderr).toString() };
}
