import { conflict, FairwayError, invalid, newId, notFound } from "#base";
import type { AttachOptions, ContainerCreateBody, ContainerEvent, Containers, ExecConfig, OutputChunk, StdioSession } from "#containers";

interface Fake {
  readonly id: string;
  name: string;
  readonly body: ContainerCreateBody;
  status: "created" | "running" | "paused" | "exited";
  exitCode: number;
  inputEnded: boolean;
  readonly waiters: (() => void)[];
  readonly output: Channel;
}

/** What one side writes and the other reads; ends when closed. */
class Channel implements AsyncIterable<OutputChunk> {
  readonly #queue: OutputChunk[] = [];
  #closed = false;
  #wake = () => {};
  returned = 0;

  push(stream: "stdout" | "stderr", text: string | Uint8Array) {
    this.#queue.push({ stream, data: Buffer.from(text) });
    this.#wake();
  }
  close() {
    this.#closed = true;
    this.#wake();
  }
  [Symbol.asyncIterator](): AsyncIterator<OutputChunk> {
    return {
      next: async () => {
        for (;;) {
          const value = this.#queue.shift();
          if (value) return { value, done: false };
          if (this.#closed) return { value: undefined, done: true };
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      },
      return: async () => {
        this.returned++;
        this.close();
        return { value: undefined, done: true };
      },
    };
  }
}

/**
 * Containers without processes, for tests of the server. The command decides what one does: `echo words` prints and exits 0, `cat` gives back its input
 * until that ends, `false` exits 1, anything else runs until it is stopped.
 */
export class FakeContainers {
  readonly calls: (readonly unknown[])[] = [];
  readonly all = new Map<string, Fake>();
  readonly execs = new Map<string, { container: string; config: ExecConfig; exitCode: number | null }>();
  readonly detached: string[] = [];
  readonly #listeners = new Set<(event: ContainerEvent) => void>();

  async create(name: string | undefined, body: ContainerCreateBody) {
    this.calls.push(["create", name, body]);
    if (!body.Image) throw invalid("no image specified");
    if (body.Image === "nope") throw notFound("No such image: nope:latest");
    const clash = [...this.all.values()].find((other) => other.name === name);
    if (clash) throw conflict(`Conflict. The container name "/${name}" is already in use by container "${clash.id}".`);
    const fake: Fake = {
      id: newId(),
      name: name ?? `fake_${this.all.size}`,
      body,
      status: "created",
      exitCode: 0,
      inputEnded: false,
      waiters: [],
      output: new Channel(),
    };
    this.all.set(fake.id, fake);
    this.#emit("create", fake);
    return { Id: fake.id, Warnings: [] };
  }

  async start(reference: string) {
    const fake = this.#find(reference);
    if (fake.status === "running") throw new FairwayError("notModified", "container is running already");
    fake.status = "running";
    this.#emit("start", fake);
    const [command, ...rest] = fake.body.Cmd ?? [];
    if (command === "echo") fake.output.push("stdout", `${rest.join(" ")}\n`);
    if (command === "false") fake.output.push("stderr", "no\n");
    if (command === "cat" && fake.inputEnded) this.exit(fake.id, 0);
    if (command === "echo" || command === "false") this.exit(fake.id, command === "false" ? 1 : 0);
  }

  exit(reference: string, code: number) {
    const fake = this.#find(reference);
    fake.status = "exited";
    fake.exitCode = code;
    fake.output.close();
    this.#emit("die", fake, { exitCode: String(code) });
    for (const waiter of fake.waiters.splice(0)) waiter();
    if (fake.body.HostConfig?.AutoRemove) this.all.delete(fake.id);
  }

  async stop(reference: string, options: unknown) {
    this.calls.push(["stop", reference, options]);
    if (this.#find(reference).status !== "running") throw new FairwayError("notModified", "container is stopped already");
    this.exit(reference, 137);
  }
  async restart(reference: string) {
    this.#find(reference).status = "running";
  }
  async kill(reference: string, signal: string) {
    this.calls.push(["kill", reference, signal]);
    if (this.#find(reference).status !== "running") throw conflict(`cannot kill container: ${reference}: container is not running`);
    this.exit(reference, 137);
  }
  async pause(reference: string) {
    this.#find(reference).status = "paused";
  }
  async unpause(reference: string) {
    this.#find(reference).status = "running";
  }
  async rename(reference: string, name: string) {
    this.#find(reference).name = name;
  }
  async remove(reference: string, options: { force: boolean; volumes: boolean; link: boolean }) {
    this.calls.push(["remove", reference, options]);
    const fake = this.#find(reference);
    if (fake.status === "running" && !options.force)
      throw conflict(`cannot remove container "/${fake.name}": container is running: stop the container before removing or force remove`);
    this.all.delete(fake.id);
    this.#emit("destroy", fake);
  }
  async update(reference: string, change: unknown) {
    this.calls.push(["update", reference, change]);
    this.#find(reference);
    return { Warnings: [] };
  }
  wait(reference: string, condition: string) {
    this.calls.push(["wait", reference, condition]);
    const fake = this.#find(reference);
    const result = new Promise<{ StatusCode: number }>((resolve) => {
      if (condition === "not-running" && fake.status !== "running") resolve({ StatusCode: fake.exitCode });
      else fake.waiters.push(() => resolve({ StatusCode: fake.exitCode }));
    });
    return { registered: true as const, result };
  }
  async resize(reference: string, height: number, width: number) {
    this.#find(reference);
    this.calls.push(["resize", reference, height, width]);
  }

  async attach(reference: string, options: AttachOptions): Promise<StdioSession> {
    const fake = this.#find(reference);
    this.calls.push(["attach", fake.id, options]);
    return this.#session(fake.body.Tty === true, fake.output, fake.id, () => {
      fake.inputEnded = true;
      if (fake.body.Cmd?.[0] === "cat" && fake.status === "running") this.exit(fake.id, 0);
    });
  }

  #session(tty: boolean, output: Channel, id: string, onInputEnd: () => void): StdioSession {
    return {
      tty,
      output,
      write: async (data) => output.push("stdout", data),
      closeInput: async () => onInputEnd(),
      detach: () => this.detached.push(id),
    };
  }

  async logs(reference: string, options: { follow: boolean }) {
    this.calls.push(["logs", reference, options]);
    const fake = this.#find(reference);
    if (options.follow) return { tty: fake.body.Tty === true, output: fake.output };
    const output = new Channel();
    output.push("stdout", "one\n");
    output.push("stderr", "two\n");
    output.close();
    return { tty: fake.body.Tty === true, output };
  }

  async list({ all }: { all: boolean }) {
    return [...this.all.values()].filter(({ status }) => all || status === "running").map((fake) => this.#summary(fake));
  }

  #summary({ id, name, body, status, exitCode }: Fake) {
    return {
      Id: id,
      Names: [`/${name}`],
      Image: body.Image,
      ImageID: `sha256:${"0".repeat(64)}`,
      Command: (body.Cmd ?? []).join(" "),
      Created: 1795246945,
      Ports: [],
      Labels: body.Labels ?? {},
      State: status,
      Status: status === "exited" ? `Exited (${exitCode}) 1 second ago` : "Up 1 second",
      HostConfig: { NetworkMode: body.HostConfig?.NetworkMode ?? "default" },
      NetworkSettings: { Networks: {} },
      Mounts: [],
    };
  }

  async inspect(reference: string) {
    const { id, name, body, status, exitCode } = this.#find(reference);
    return {
      Id: id,
      Name: `/${name}`,
      Created: "2026-11-21T07:29:31.007728388Z",
      State: { Status: status, Running: status === "running", ExitCode: exitCode },
      Config: body,
      HostConfig: body.HostConfig ?? {},
      NetworkSettings: {
        Networks: {
          bridge: { IPAddress: "172.17.0.2", IPPrefixLen: 16, Gateway: "172.17.0.1", GwPriority: 0, DNSNames: null },
          blue: { Aliases: ["b"], GwPriority: 3, DNSNames: ["b"] },
        },
      },
    };
  }

  async top(reference: string) {
    this.#find(reference);
    return { Titles: ["PID", "CMD"], Processes: [["1", "sh"]] };
  }
  resolve(reference: string) {
    return this.#find(reference).id;
  }
  async prune() {
    return { ContainersDeleted: null, SpaceReclaimed: 0 };
  }

  async execCreate(reference: string, config: ExecConfig) {
    const id = newId();
    this.execs.set(id, { container: this.#find(reference).id, config, exitCode: null });
    return { Id: id };
  }
  async execStart(id: string, options: { detach: boolean; tty: boolean }) {
    this.calls.push(["execStart", id, options]);
    const exec = this.#exec(id);
    const output = new Channel();
    const [command, ...rest] = exec.config.Cmd ?? [];
    const end = () => {
      exec.exitCode = 0;
      output.close();
    };
    if (command === "echo") {
      output.push("stdout", `${rest.join(" ")}\n`);
      output.push("stderr", "err\n");
      end();
    }
    return options.detach ? undefined : this.#session(options.tty, output, id, end);
  }
  async execResize(id: string, height: number, width: number) {
    this.calls.push(["execResize", id, height, width]);
    this.#exec(id);
  }
  async execInspect(id: string) {
    const { container, exitCode } = this.#exec(id);
    return { ID: id, Running: exitCode === null, ExitCode: exitCode, ContainerID: container };
  }

  usersOfImage = () => [];
  counts = () => ({ total: this.all.size, running: 0, paused: 0, stopped: 0 });

  onEvent(listener: (event: ContainerEvent) => void) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get door(): Containers {
    return this as unknown as Containers;
  }

  #emit(action: string, { id, name, body }: Fake, extra: Record<string, string> = {}) {
    const timeNano = BigInt(Date.now()) * 1_000_000n;
    const attributes = { image: body.Image ?? "", name, ...extra };
    for (const listener of this.#listeners) listener({ action, containerId: id, attributes, timeNano });
  }
  #find(reference: string): Fake {
    const text = reference.replace(/^\//, "");
    const found = this.all.get(text) ?? [...this.all.values()].find(({ name, id }) => name === text || id.startsWith(text));
    if (!found) throw notFound(`No such container: ${reference}`);
    return found;
  }
  #exec(id: string) {
    const found = this.execs.get(id);
    if (!found) throw notFound(`No such exec instance: ${id}`);
    return found;
  }
}
