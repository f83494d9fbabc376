import type { Log } from "#base";
import type { Engine } from "#engine";
import type { Images } from "#images";
import type { Poller } from "#kernel/ffi";
import type { Store } from "#store";
import type { Container } from "./container.ts";
import type { ExitWatch } from "./exits.ts";
import type { Runtime } from "./runtime.ts";
import type { SeccompProfile } from "./seccomp.ts";
import type { Volumes } from "./volumes.ts";

export interface ContainerDefaults {
  /** What NetworkMode `default` joins: `bridge` unless given, `none` where there is no default bridge. */
  readonly network?: string;
  /** Parent of all containers' cgroups, `/fairway` unless given. */
  readonly cgroupParent?: string;
  /** Seconds a stop waits before it kills, 10 unless given. */
  readonly stopTimeout?: number;
  readonly ulimits?: readonly { Name: string; Soft: number; Hard: number }[];
  readonly shmSize?: number;
  readonly init?: boolean;
  /** Binary for `--init`, statically linked. */
  readonly initPath?: string;
  /** `json-file`, `local` and `none` are known; all but `none` are conmon's k8s-file here. */
  readonly logDriver?: string;
  /** Of that driver. */
  readonly logOptions?: Readonly<Record<string, string>>;
  /** `private` unless given. */
  readonly ipcMode?: string;
  /** What the cgroup hierarchy asks for unless given: `private` with v2, else `host`. */
  readonly cgroupnsMode?: string;
  readonly noNewPrivileges?: boolean;
}

/** What the parts of this room share; made once by `openContainers`. */
export interface Context {
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly store: Store;
  readonly images: Images;
  readonly engine: Engine;
  readonly log: Log;
  readonly runtime: Runtime;
  readonly conmon: string;
  readonly cgroups: "v1" | "v2" | "hybrid";
  readonly poller: Poller;
  readonly exits: ExitWatch;
  readonly volumes: Volumes;
  readonly seccompProfile: SeccompProfile | undefined;
  readonly capabilities: readonly string[];
  readonly defaults: ContainerDefaults;
  emit(action: string, container: Container, attributes?: Readonly<Record<string, string>>): void;
}
