import { mkdirSync, readFileSync } from "node:fs";
import { invalid, type Log, messageOf } from "#base";
import type { Engine } from "#engine";
import type { Images } from "#images";
import { Poller } from "#kernel/ffi";
import type { Store } from "#store";
import { ALL_CAPABILITIES } from "./caps.ts";
import type { ContainerDefaults, Context } from "./context.ts";
import { Events } from "./events.ts";
import { ExitWatch } from "./exits.ts";
import { validateLogConfig } from "./log-options.ts";
import { Registry } from "./registry.ts";
import { cgroupLayout, chooseRuntime, findProgram, Runtime } from "./runtime.ts";
import type { SeccompProfile } from "./seccomp.ts";
import { ContainerService } from "./service.ts";
import { Volumes } from "./volumes.ts";

export interface ContainersOptions {
  /** On disk, kept over reboots. */
  readonly dataRoot: string;
  /** In memory (/run), gone after a reboot. */
  readonly execRoot: string;
  readonly store: Store;
  readonly images: Images;
  readonly engine: Engine;
  readonly log: Log;
  /** `crun`, `runc` or a path; chosen by what the host can do unless given. */
  readonly runtime?: string;
  readonly conmon?: string;
  /** A profile in Docker's format; `unconfined` for none, Debian's containers-common one unless given. */
  readonly seccompProfile?: string;
  readonly poller?: Poller;
  readonly defaults?: ContainerDefaults;
}

const SECCOMP_PROFILE = "/usr/share/containers/seccomp.json";

function readProfile(path: string | undefined, log: Log): SeccompProfile | undefined {
  if (path === "unconfined") return undefined;
  try {
    return JSON.parse(readFileSync(path ?? SECCOMP_PROFILE, "utf8")) as SeccompProfile;
  } catch (error) {
    if (path) throw invalid(`opening seccomp profile (${path}) failed: ${messageOf(error)}`, { code: "bad-seccomp" });
    log.warn("Containers run without a seccomp profile: install golang-github-containers-common", { path: SECCOMP_PROFILE });
    return undefined;
  }
}

/** Those this daemon may hand on: its own bounding set, CapBnd of proc(5). */
function ownCapabilities(): readonly string[] {
  try {
    const mask = BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "latin1"))![1]}`);
    return ALL_CAPABILITIES.filter((_, number) => (mask >> BigInt(number)) & 1n);
  } catch {
    return ALL_CAPABILITIES;
  }
}

/** Opens the room: reads the records. Call `reconcile()` next, once the engine has its networks up. @throws invalidParameter without conmon or a runtime */
export async function openContainers(options: ContainersOptions): Promise<ContainerService> {
  const { dataRoot, execRoot, store, log } = options;
  for (const directory of [dataRoot, execRoot]) mkdirSync(directory, { recursive: true, mode: 0o711 });
  const conmon = findProgram(options.conmon ?? "conmon");
  if (!conmon) throw invalid("Cannot run containers: conmon was not found; install the package conmon", { code: "no-conmon" });
  const { logDriver = "json-file", logOptions = {} } = options.defaults ?? {};
  validateLogConfig({ Type: logDriver, Config: { ...logOptions } });
  const chosen = chooseRuntime(options.runtime);
  const events = new Events();
  const poller = options.poller ?? new Poller();
  const registry = new Registry({ store, poller, log, dataRoot, execRoot });
  const volumes = new Volumes({ root: `${dataRoot}/volumes`, store, log });
  const exits = new ExitWatch(`${execRoot}/exits`, (id) => service.exitSeen(id));
  const context: Context = {
    dataRoot,
    execRoot,
    store,
    log,
    images: options.images,
    engine: options.engine,
    runtime: new Runtime({ ...chosen, root: `${execRoot}/runtime`, log }),
    conmon,
    cgroups: cgroupLayout(),
    poller,
    exits,
    volumes,
    seccompProfile: readProfile(options.seccompProfile, log),
    capabilities: ownCapabilities(),
    defaults: options.defaults ?? {},
    emit: (action, container, attributes) => events.emit(action, container, attributes),
  };
  mkdirSync(context.runtime.root, { recursive: true, mode: 0o700 });
  await volumes.open();
  await registry.load();
  const service = new ContainerService(context, registry, events);
  log.info("Containers run on conmon and an OCI runtime", { runtime: chosen.binary, conmon, cgroups: context.cgroups });
  return service;
}
