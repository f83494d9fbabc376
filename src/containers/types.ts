/**
 * Public shapes of `containers`. Where Docker's API has a JSON object for it (Config, HostConfig, NetworkingConfig, inspect), the field names are
 * Docker's, so that `server` passes them through; its schema is the Engine API's OpenAPI file.
 */

export interface ContainerConfig {
  Hostname?: string;
  Domainname?: string;
  User?: string;
  AttachStdin?: boolean;
  AttachStdout?: boolean;
  AttachStderr?: boolean;
  ExposedPorts?: Record<string, object> | null;
  Tty?: boolean;
  OpenStdin?: boolean;
  StdinOnce?: boolean;
  Env?: string[] | null;
  Cmd?: string[] | null;
  Healthcheck?: Healthcheck | null;
  Image?: string;
  Volumes?: Record<string, object> | null;
  WorkingDir?: string;
  Entrypoint?: string[] | null;
  NetworkDisabled?: boolean;
  MacAddress?: string;
  Labels?: Record<string, string> | null;
  StopSignal?: string;
  StopTimeout?: number | null;
  Shell?: string[] | null;
}

/** Times in nanoseconds. */
export interface Healthcheck {
  Test?: string[];
  Interval?: number;
  Timeout?: number;
  Retries?: number;
  StartPeriod?: number;
  /** Between checks while StartPeriod lasts and none has succeeded. */
  StartInterval?: number;
}

export interface PortBindingJson {
  HostIp?: string;
  HostPort?: string;
}

export interface MountJson {
  Type?: "bind" | "volume" | "tmpfs" | "npipe" | "cluster";
  Source?: string;
  Target?: string;
  ReadOnly?: boolean;
  BindOptions?: { Propagation?: string; NonRecursive?: boolean; CreateMountpoint?: boolean; ReadOnlyForceRecursive?: boolean };
  VolumeOptions?: {
    NoCopy?: boolean;
    Labels?: Record<string, string>;
    Subpath?: string;
    DriverConfig?: { Name?: string; Options?: Record<string, string> };
  };
  TmpfsOptions?: { SizeBytes?: number; Mode?: number; Options?: string[][] };
}

/** Bytes or operations a second. */
export interface DeviceRate {
  Path: string;
  Rate: number;
}

export interface HostConfig {
  Binds?: string[] | null;
  LogConfig?: { Type?: string; Config?: Record<string, string> | null };
  NetworkMode?: string;
  PortBindings?: Record<string, PortBindingJson[] | null> | null;
  RestartPolicy?: { Name?: string; MaximumRetryCount?: number };
  AutoRemove?: boolean;
  CapAdd?: string[] | null;
  CapDrop?: string[] | null;
  Dns?: string[] | null;
  DnsOptions?: string[] | null;
  DnsSearch?: string[] | null;
  ExtraHosts?: string[] | null;
  GroupAdd?: string[] | null;
  IpcMode?: string;
  Links?: string[] | null;
  OomScoreAdj?: number;
  PidMode?: string;
  Privileged?: boolean;
  PublishAllPorts?: boolean;
  ReadonlyRootfs?: boolean;
  SecurityOpt?: string[] | null;
  Tmpfs?: Record<string, string> | null;
  UTSMode?: string;
  UsernsMode?: string;
  ShmSize?: number;
  Sysctls?: Record<string, string> | null;
  Runtime?: string;
  Memory?: number;
  MemorySwap?: number;
  MemoryReservation?: number;
  NanoCpus?: number;
  CpuShares?: number;
  CpuPeriod?: number;
  CpuQuota?: number;
  CpusetCpus?: string;
  CpusetMems?: string;
  PidsLimit?: number | null;
  OomKillDisable?: boolean | null;
  Init?: boolean | null;
  Ulimits?: { Name: string; Soft: number; Hard: number }[] | null;
  Devices?: { PathOnHost?: string; PathInContainer?: string; CgroupPermissions?: string }[] | null;
  Mounts?: MountJson[] | null;
  MaskedPaths?: string[] | null;
  ReadonlyPaths?: string[] | null;
  CgroupParent?: string;
  CgroupnsMode?: string;
  VolumesFrom?: string[] | null;
  VolumeDriver?: string;
  Isolation?: string;
  StorageOpt?: Record<string, string> | null;
  Annotations?: Record<string, string> | null;
  DeviceRequests?: { Driver?: string; Capabilities?: string[][] | null }[] | null;
  BlkioWeight?: number;
  BlkioWeightDevice?: { Path: string; Weight: number }[] | null;
  BlkioDeviceReadBps?: DeviceRate[] | null;
  BlkioDeviceWriteBps?: DeviceRate[] | null;
  BlkioDeviceReadIOps?: DeviceRate[] | null;
  BlkioDeviceWriteIOps?: DeviceRate[] | null;
  CpuRealtimePeriod?: number;
  CpuRealtimeRuntime?: number;
  [field: string]: unknown;
}

/** EndpointSettings as a client sends it. */
export interface EndpointSettingsJson {
  IPAMConfig?: { IPv4Address?: string; IPv6Address?: string; LinkLocalIPs?: string[] } | null;
  Links?: string[] | null;
  Aliases?: string[] | null;
  MacAddress?: string;
  DriverOpts?: Record<string, string> | null;
  GwPriority?: number;
  [field: string]: unknown;
}

export interface ContainerCreateBody extends ContainerConfig {
  HostConfig?: HostConfig | null;
  NetworkingConfig?: { EndpointsConfig?: Record<string, EndpointSettingsJson | null> | null } | null;
}

export type ContainerStatus = "created" | "running" | "paused" | "restarting" | "removing" | "exited" | "dead";

export interface ContainerListOptions {
  all: boolean;
  limit?: number;
  size?: boolean;
  /** filter name → values, already decoded */
  filters: Readonly<Record<string, readonly string[]>>;
}

export interface LogOptions {
  stdout: boolean;
  stderr: boolean;
  follow: boolean;
  timestamps: boolean;
  /** Seconds since the epoch, fractions allowed. */
  since?: number;
  until?: number;
  /** Number of lines from the end; undefined: all. */
  tail?: number;
}

/** One piece of output, with which stream it came from. */
export interface OutputChunk {
  readonly stream: "stdout" | "stderr";
  readonly data: Uint8Array;
}

export interface AttachOptions {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  /** Send what was logged so far first. */
  logs: boolean;
  stream: boolean;
  detachKeys?: string;
}

/**
 * A live connection to a container's or exec's stdio. With a tty all output is `stdout`. `output` ends when the process has ended and everything was
 * delivered. Writing `input` to its end closes the process's stdin.
 */
export interface StdioSession {
  readonly tty: boolean;
  readonly output: AsyncIterable<OutputChunk>;
  write(data: Uint8Array): Promise<void>;
  closeInput(): Promise<void>;
  /** Client went away. */
  detach(): void;
}

export interface ExecConfig {
  AttachStdin?: boolean;
  AttachStdout?: boolean;
  AttachStderr?: boolean;
  DetachKeys?: string;
  Tty?: boolean;
  Env?: string[] | null;
  Cmd?: string[] | null;
  Privileged?: boolean;
  User?: string;
  WorkingDir?: string;
  ConsoleSize?: [number, number] | null;
}

export interface ContainerEvent {
  /** create, start, die, stop, kill, destroy, rename, attach, detach, exec_create, exec_start, exec_die, oom, pause, unpause, restart, resize, top, update … */
  readonly action: string;
  readonly containerId: string;
  /** image, name, labels, exitCode, signal… as Docker's Actor.Attributes */
  readonly attributes: Readonly<Record<string, string>>;
  readonly timeNano: bigint;
}

/** Containers as `server` sees them. References are id, unique id prefix or name. JSON results are Docker's objects, ready to send. */
export interface Containers {
  create(name: string | undefined, body: ContainerCreateBody): Promise<{ Id: string; Warnings: string[] }>;
  /** @throws notModified when it runs already */
  start(reference: string, options?: { detachKeys?: string }): Promise<void>;
  stop(reference: string, options: { signal?: string; timeout?: number }): Promise<void>;
  restart(reference: string, options: { signal?: string; timeout?: number }): Promise<void>;
  kill(reference: string, signal: string): Promise<void>;
  pause(reference: string): Promise<void>;
  unpause(reference: string): Promise<void>;
  rename(reference: string, name: string): Promise<void>;
  remove(reference: string, options: { force: boolean; volumes: boolean; link: boolean }): Promise<void>;
  update(reference: string, change: Partial<HostConfig>): Promise<{ Warnings: string[] }>;
  /** Registers first (so that response headers can be flushed), settles when the condition holds. */
  wait(
    reference: string,
    condition: "not-running" | "next-exit" | "removed",
  ): { readonly registered: true; readonly result: Promise<{ StatusCode: number; Error?: { Message: string } }> };
  resize(reference: string, height: number, width: number): Promise<void>;
  attach(reference: string, options: AttachOptions): Promise<StdioSession>;
  logs(reference: string, options: LogOptions): Promise<{ readonly tty: boolean; readonly output: AsyncIterable<OutputChunk> }>;
  list(options: ContainerListOptions): Promise<readonly Record<string, unknown>[]>;
  inspect(reference: string, options?: { size?: boolean }): Promise<Record<string, unknown>>;
  top(reference: string, psArgs: string): Promise<{ Titles: string[]; Processes: string[][] }>;
  /** Full id of a reference. @throws notFound `No such container: X` */
  resolve(reference: string): string;
  prune(filters: Readonly<Record<string, readonly string[]>>): Promise<{ ContainersDeleted: string[] | null; SpaceReclaimed: number }>;

  execCreate(reference: string, config: ExecConfig): Promise<{ Id: string }>;
  /** @returns the session, or undefined when detached */
  execStart(
    execId: string,
    options: { detach: boolean; tty: boolean; consoleSize?: [number, number] | null },
  ): Promise<StdioSession | undefined>;
  execResize(execId: string, height: number, width: number): Promise<void>;
  execInspect(execId: string): Promise<Record<string, unknown>>;

  /** Which containers use an image, for rmi. */
  usersOfImage(imageId: string): readonly { id: string; running: boolean }[];
  counts(): { total: number; running: number; paused: number; stopped: number };
  onEvent(listener: (event: ContainerEvent) => void): () => void;
}
