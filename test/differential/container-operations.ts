import { staticAddress } from "./network-operations.ts";
import type { Operation } from "./operation.ts";
import { withQuery } from "./operation.ts";
import type { Scene, SceneContainer } from "./scene.ts";

const SLEEP = ["sleep", "1000"];

function networkMode(scene: Scene): { mode: string | undefined; config?: Record<string, unknown> | undefined } {
  const { random } = scene;
  const kind = random.weighted({ unset: 3, user: 6, bridge: 1, none: 1, host: 1, container: 1, bad: 0.4 });
  if (kind === "unset") return { mode: undefined };
  if (kind === "user" && scene.networks.length > 0) {
    const { name, handle, config } = random.pick(scene.networks);
    return { mode: random.chance(0.85) && name !== "" ? name : `{${handle}}`, config };
  }
  if (kind === "container") {
    const target = scene.containers.length > 0 ? random.pick(scene.containers) : undefined;
    return { mode: `container:${target ? random.pick([target.name, `{${target.handle}}`]) : "nosuch"}` };
  }
  if (kind === "bad") return { mode: random.pick(["nosuch", "container:", "container:nosuch"]) };
  return { mode: kind === "user" ? "default" : kind };
}

export function createContainer(scene: Scene, command: readonly string[] = SLEEP): Operation {
  const { random } = scene;
  const { mode, config } = networkMode(scene);
  const host: Record<string, unknown> = {};
  const body: Record<string, unknown> = { Image: "busybox:latest", Cmd: command, HostConfig: host };
  if (mode !== undefined) host.NetworkMode = mode;
  const shared = mode?.startsWith("container:") === true;
  const odd = random.chance(0.1);
  if (random.chance(0.25) && (!shared || odd)) body.Hostname = random.pick(["box", "box.example.org"]);
  if (random.chance(0.1) && (!shared || odd)) body.Domainname = "example.org";
  if (random.chance(0.3)) body.Env = random.pick([["A=1"], ["A=1", "PATH=/bin"], ["EMPTY="], ["NOVALUE"]]);
  if (random.chance(0.3)) body.Labels = random.pick([{ tier: "front" }, { tier: "back", x: "" }]);
  if (random.chance(0.2) && command === SLEEP)
    host.RestartPolicy = random.pick([
      { Name: "always" },
      { Name: "no" },
      { Name: "unless-stopped" },
      { Name: "on-failure", MaximumRetryCount: 2 },
    ]);
  if (random.chance(0.3) && (!shared || odd)) {
    host.PortBindings = random.pick([
      { "80/tcp": [{ HostPort: "8080" }] },
      { "80/tcp": [{}] },
      { "53/udp": [{ HostIp: "127.0.0.1", HostPort: "5353" }] },
      { "80/tcp": [{ HostPort: "8081" }, { HostPort: "8082" }] },
      { "80/tcp": [] },
      { "80": [{ HostPort: "8083" }] },
    ]);
    if (random.chance(0.5)) body.ExposedPorts = random.pick([{ "80/tcp": {} }, { "80/tcp": {}, "443/tcp": {} }]);
  }
  if (random.chance(0.1)) body.ExposedPorts = { "9000/tcp": {} };
  if (random.chance(0.1)) host.Memory = 64 << 20;
  if (random.chance(0.1)) host.Tmpfs = { "/scratch": "" };
  if (random.chance(0.08)) host.AutoRemove = false;
  if (random.chance(0.08)) host.CapAdd = ["NET_ADMIN"];
  if (random.chance(0.08)) host.Dns = ["192.0.2.53"];
  if (random.chance(0.08) && !shared) host.ExtraHosts = ["far:192.0.2.1"];
  if (random.chance(0.08)) body.WorkingDir = "/tmp";
  if (random.chance(0.08)) body.User = random.pick(["nobody", "1000", "nosuch"]);
  if (random.chance(0.06)) body.Entrypoint = ["/bin/busybox"];
  if (random.chance(0.05)) host.ReadonlyRootfs = true;
  if (random.chance(0.05)) body.Tty = true;
  if (random.chance(0.05)) host.LogConfig = { Type: "none" };
  if (random.chance(0.1)) Object.assign(...bad(scene, body, host));
  if (mode !== undefined && !["host", "none", "bridge"].includes(mode) && !shared && random.chance(0.5)) {
    const settings: Record<string, unknown> = {};
    if (random.chance(0.5)) settings.Aliases = random.pick([["frontend"], ["frontend", "www"]]);
    if (random.chance(0.4)) settings.IPAMConfig = { IPv4Address: staticAddress(scene, config) };
    body.NetworkingConfig = { EndpointsConfig: { [mode]: settings } };
  }
  const handle = scene.newHandle("C");
  const name = random.chance(0.03) ? random.pick(["bad name", "-x", "a", "ümlaut"]) : scene.newContainerName();
  scene.containers.push({ handle, name, running: false });
  return { kind: "container create", method: "POST", path: withQuery("/containers/create", { name }), body, handle };
}

function bad(
  { random }: Scene,
  body: Record<string, unknown>,
  host: Record<string, unknown>,
): [Record<string, unknown>, Record<string, unknown>] {
  return random.pick<[Record<string, unknown>, Record<string, unknown>]>([
    [body, { Image: "nosuch:latest" }],
    [body, { Cmd: ["/bin/nosuch"] }],
    [body, { WorkingDir: "relative" }],
    [host, { RestartPolicy: { Name: "sometimes" } }],
    [host, { RestartPolicy: { Name: "always", MaximumRetryCount: 3 } }],
    [host, { Memory: 1000 }],
    [host, { PortBindings: { "eighty/tcp": [{ HostPort: "80" }] } }],
    [host, { PortBindings: { "80/tcp": [{ HostPort: "99999" }] } }],
    [host, { CapAdd: ["NO_SUCH"] }],
    [host, { Binds: ["relative:/x:zz"] }],
    [host, { Links: ["nosuch:x"] }],
    [body, { StopSignal: "SIGNOPE" }],
    [host, { AutoRemove: true, RestartPolicy: { Name: "always" } }],
  ]);
}

export const badContainerBody = ({ random }: Scene): Operation => ({
  kind: "container create",
  method: "POST",
  path: "/containers/create?name=broken",
  raw: random.pick([
    '{"Image":',
    "[]",
    "{}",
    '{"Image":7}',
    '{"Image":"busybox","Cmd":{"a":1}}',
    '{"Image":"busybox","Env":"A=1"}',
    "null",
  ]),
});

const on = (kind: string, method: "GET" | "POST" | "DELETE", reference: string, rest: string): Operation => ({
  kind: `container ${kind}`,
  method,
  path: `/containers/${reference}${rest}`,
});

export function start(scene: Scene, container?: SceneContainer): Operation {
  const target = container ?? (scene.containers.length > 0 ? scene.random.pick(scene.containers) : undefined);
  if (target) target.running = true;
  return on("start", "POST", scene.containerReference(target), "/start");
}

export function stop(scene: Scene, container?: SceneContainer): Operation {
  if (container) container.running = false;
  return on("stop", "POST", scene.containerReference(container), "/stop?t=0");
}

/** Kill, and its end: the answer to a kill may come before the container is seen to be stopped. */
export function kill(scene: Scene, container?: SceneContainer): Operation[] {
  if (!container) return [on("kill", "POST", scene.containerReference(), `/kill?signal=${scene.random.pick(["USR1", "NOPE", "0", "99"])}`)];
  container.running = false;
  const reference = scene.containerReference(container);
  return [
    on("kill", "POST", reference, scene.random.pick(["/kill", "/kill?signal=9", "/kill?signal=SIGKILL"])),
    on("wait", "POST", reference, "/wait"),
  ];
}

/** A wait under way while the container is killed. */
export function waitAndKill(scene: Scene, container: SceneContainer): Operation[] {
  const reference = scene.containerReference(container);
  container.running = false;
  return [
    { ...on("wait", "POST", reference, `/wait${scene.random.pick(["", "?condition=not-running"])}`), background: true },
    on("kill", "POST", reference, "/kill"),
  ];
}

export const restart = (scene: Scene): Operation => on("restart", "POST", scene.containerReference(), "/restart?t=0");
export const pause = (scene: Scene): Operation => on("pause", "POST", scene.containerReference(), "/pause");
export const unpause = (scene: Scene): Operation => on("unpause", "POST", scene.containerReference(), "/unpause");
export const inspect = (scene: Scene): Operation => on("inspect", "GET", scene.containerReference(), "/json");

export function rename(scene: Scene): Operation {
  const { random } = scene;
  const target = scene.containers.length > 0 ? random.pick(scene.containers) : undefined;
  const reference = scene.containerReference(target);
  const name = random.pick(["renamed", "other", scene.newContainerName(), "bad name", ""]);
  if (target && /^[a-z][a-z0-9]+$/.test(name) && !scene.containers.some((each) => each.name === name)) target.name = name;
  return { kind: "container rename", method: "POST", path: withQuery(`/containers/${reference}/rename`, { name }) };
}

export function remove(scene: Scene): Operation {
  const { random } = scene;
  return on("rm", "DELETE", scene.containerReference(), random.pick(["", "?force=1", "?force=1&v=1", "?v=1"]));
}

export function list({ random, networks, containers }: Scene): Operation {
  const filters = random.pick<Record<string, unknown>>([
    {},
    { status: ["running"] },
    { status: ["created", "exited"] },
    { status: ["asleep"] },
    { name: ["web"] },
    { name: ["^/web$"] },
    { label: ["tier=front"] },
    { network: [networks[0]?.name || "bridge"] },
    { network: ["none"] },
    { network: ["nosuch"] },
    { id: [containers[0] ? `{${containers[0].handle}:12}` : "abc"] },
    { exited: ["137"] },
    { ancestor: ["busybox"] },
    { publish: ["80"] },
    { expose: ["80/tcp"] },
    { before: [containers.at(-1)?.name ?? "nosuch"] },
    { since: [containers[0]?.name ?? "nosuch"] },
    { volume: ["nosuch"] },
    { health: ["none"] },
    { bogus: ["1"] },
    { exited: ["many"] },
  ]);
  const all = random.chance(0.8) ? { all: 1 } : {};
  return { kind: "container list", method: "GET", path: withQuery("/containers/json", { ...all, filters }) };
}

/** An exec from its making to what is left of it. */
export function exec(scene: Scene, container?: SceneContainer): Operation[] {
  const { random } = scene;
  const Cmd = random.pick([["true"], ["sh", "-c", "exit 7"], ["echo", "hello"], ["/bin/nosuch"], []]);
  const handle = scene.newHandle("E");
  const body = {
    Cmd,
    AttachStdout: true,
    AttachStderr: true,
    ...(random.chance(0.2) ? { Env: ["B=2"] } : {}),
    ...(random.chance(0.2) ? { WorkingDir: "/tmp" } : {}),
  };
  const inspection: Operation = { kind: "exec inspect", method: "GET", path: `/exec/{${handle}}/json` };
  return [
    { kind: "exec create", method: "POST", path: `/containers/${scene.containerReference(container)}/exec`, body, handle },
    ...(random.chance(0.3) ? [inspection] : []),
    { kind: "exec start", method: "POST", path: `/exec/{${handle}}/start`, body: { Detach: false, Tty: false } },
    inspection,
  ];
}
