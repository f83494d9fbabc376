import * as schema from "../schema.ts";
import { endpointSettings } from "./networks.ts";

/** Bodies of container create, update and exec. Structs are open: what the table does not name is handed on to `containers` untouched. */

const { any, array, bool, int, map, string, stringOrList, struct } = schema;
const open = { open: true } as const;
const list = array(string);
const strings = map(string);

const healthcheck = struct("HealthConfig", {
  Test: list,
  Interval: int,
  Timeout: int,
  StartPeriod: int,
  StartInterval: int,
  Retries: int,
});

const portBindings = map(array(struct("PortBinding", { HostIp: string, HostPort: string })));

const mount = struct("Mount", {
  Type: string,
  Source: string,
  Target: string,
  ReadOnly: bool,
  Consistency: string,
  BindOptions: struct("BindOptions", { Propagation: string, NonRecursive: bool, CreateMountpoint: bool }, open),
  VolumeOptions: struct("VolumeOptions", {
    NoCopy: bool,
    Labels: strings,
    Subpath: string,
    DriverConfig: struct("Driver", { Name: string, Options: strings }),
  }),
  TmpfsOptions: struct("TmpfsOptions", { SizeBytes: int, Mode: int, Options: any }),
});

const resources = {
  CpuShares: int,
  Memory: int,
  NanoCpus: int,
  CgroupParent: string,
  BlkioWeight: int,
  CpuPeriod: int,
  CpuQuota: int,
  CpuRealtimePeriod: int,
  CpuRealtimeRuntime: int,
  CpusetCpus: string,
  CpusetMems: string,
  Devices: array(struct("DeviceMapping", { PathOnHost: string, PathInContainer: string, CgroupPermissions: string })),
  DeviceCgroupRules: list,
  KernelMemory: int,
  KernelMemoryTCP: int,
  MemoryReservation: int,
  MemorySwap: int,
  MemorySwappiness: int,
  OomKillDisable: bool,
  PidsLimit: int,
  Ulimits: array(struct("Ulimit", { Name: string, Soft: int, Hard: int })),
  CpuCount: int,
  CpuPercent: int,
};

const restartPolicy = struct("RestartPolicy", { Name: string, MaximumRetryCount: int });

export const hostConfig = struct(
  "HostConfig",
  {
    ...resources,
    Binds: list,
    ContainerIDFile: string,
    LogConfig: struct("LogConfig", { Type: string, Config: strings }),
    NetworkMode: string,
    PortBindings: portBindings,
    RestartPolicy: restartPolicy,
    AutoRemove: bool,
    VolumeDriver: string,
    VolumesFrom: list,
    ConsoleSize: array(int),
    Annotations: strings,
    CapAdd: stringOrList,
    CapDrop: stringOrList,
    CgroupnsMode: string,
    Dns: list,
    DnsOptions: list,
    DnsSearch: list,
    ExtraHosts: list,
    GroupAdd: list,
    IpcMode: string,
    Cgroup: string,
    Links: list,
    OomScoreAdj: int,
    PidMode: string,
    Privileged: bool,
    PublishAllPorts: bool,
    ReadonlyRootfs: bool,
    SecurityOpt: list,
    StorageOpt: strings,
    Tmpfs: strings,
    UTSMode: string,
    UsernsMode: string,
    ShmSize: int,
    Sysctls: strings,
    Runtime: string,
    Isolation: string,
    Mounts: array(mount),
    MaskedPaths: list,
    ReadonlyPaths: list,
    Init: bool,
  },
  open,
);

export const containerCreateBody = struct(
  "ContainerConfigWrapper",
  {
    Hostname: string,
    Domainname: string,
    User: string,
    AttachStdin: bool,
    AttachStdout: bool,
    AttachStderr: bool,
    ExposedPorts: map(struct("struct {}", {})),
    Tty: bool,
    OpenStdin: bool,
    StdinOnce: bool,
    Env: list,
    Cmd: stringOrList,
    Healthcheck: healthcheck,
    ArgsEscaped: bool,
    Image: string,
    Volumes: map(struct("struct {}", {})),
    WorkingDir: string,
    Entrypoint: stringOrList,
    NetworkDisabled: bool,
    MacAddress: string,
    OnBuild: list,
    Labels: strings,
    StopSignal: string,
    StopTimeout: int,
    Shell: stringOrList,
    HostConfig: hostConfig,
    NetworkingConfig: struct("NetworkingConfig", { EndpointsConfig: map(endpointSettings) }),
  },
  open,
);

export const containerUpdateBody = struct("UpdateConfig", { ...resources, RestartPolicy: restartPolicy }, open);

export const execCreateBody = struct("ExecOptions", {
  User: string,
  Privileged: bool,
  Tty: bool,
  ConsoleSize: array(int),
  AttachStdin: bool,
  AttachStdout: bool,
  AttachStderr: bool,
  DetachKeys: string,
  Env: list,
  WorkingDir: string,
  Cmd: stringOrList,
  Detach: bool,
});

export const execStartBody = struct("ExecStartOptions", { Detach: bool, Tty: bool, ConsoleSize: array(int) });

/** `docker commit` may change the configuration. */
export const commitBody = struct("Config", { Labels: strings, Env: list, Cmd: stringOrList, Entrypoint: stringOrList }, open);
