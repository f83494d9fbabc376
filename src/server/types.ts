import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { OpenJson, ProgressJson } from "#api";
import type { Log } from "#base";
import type { Containers, LogOptions } from "#containers";
import type { Engine } from "#engine";
import type { Images } from "#images";
import type { EventHub } from "./events.ts";

/** Facts about the daemon and its host that `/info` and `/version` show. Asked for at each request, so it should be cheap. */
export interface DaemonInfo {
  /** Fairway's own version. */
  readonly version: string;
  readonly gitCommit: string;
  /** RFC 3339. */
  readonly buildTime: string;
  /** Stable identity of this daemon. */
  readonly id: string;
  /** Host name. */
  readonly name: string;
  readonly kernelVersion: string;
  readonly operatingSystem: string;
  readonly osVersion: string;
  /** `uname -m`, as `x86_64`. */
  readonly architecture: string;
  readonly cpus: number;
  /** Bytes. */
  readonly memory: number;
  readonly rootDir: string;
  readonly cgroupDriver: "cgroupfs" | "systemd";
  readonly cgroupVersion: "1" | "2";
  /** Name → path of OCI runtimes. */
  readonly runtimes: Readonly<Record<string, string>>;
  readonly defaultRuntime: string;
  /** Further lines of `docker version`, as conmon and runc. */
  readonly components: readonly { readonly name: string; readonly version: string; readonly details?: Readonly<Record<string, string>> }[];
  readonly storageDriver: string;
  readonly storageStatus: readonly (readonly [string, string])[];
  readonly networkDrivers: readonly string[];
  readonly logDrivers: readonly string[];
  readonly loggingDriver: string;
  readonly labels: readonly string[];
  readonly warnings: readonly string[];
  readonly securityOptions: readonly string[];
  readonly insecureRegistries: readonly string[];
  readonly registryMirrors: readonly string[];
  readonly ipForwarding: boolean;
  readonly debug: boolean;
  readonly liveRestore: boolean;
  readonly experimental: boolean;
  /** Backend of the firewall and facts about it. */
  readonly firewall?: { readonly driver: string; readonly info: readonly (readonly [string, string])[] };
  readonly addressPools?: readonly { readonly base: string; readonly size: number }[];
  readonly httpProxy?: string;
  readonly httpsProxy?: string;
  readonly noProxy?: string;
}

/** LogOptions with the client's departure, for a `follow` that waits for lines. */
export type LogRequest = LogOptions & { readonly signal: AbortSignal };

/** What `containers` may offer beyond its contract; an endpoint whose method is missing answers 501. */
export interface ContainerExtras {
  /** Names of the containers that mount a volume. */
  usersOfVolume(name: string): readonly string[];
  /** One sample, Docker's stats object. Called once a second for a stream. */
  stats(reference: string): Promise<OpenJson>;
  changes(reference: string): Promise<readonly OpenJson[] | null>;
  exportTar(reference: string): Promise<AsyncIterable<Uint8Array>>;
  statPath(reference: string, path: string): Promise<OpenJson>;
  readArchive(reference: string, path: string): Promise<{ readonly stat: OpenJson; readonly tar: AsyncIterable<Uint8Array> }>;
  writeArchive(
    reference: string,
    path: string,
    tar: AsyncIterable<Uint8Array>,
    options: { noOverwriteDirNonDir: boolean; copyUidGid: boolean },
  ): Promise<void>;
  commit(reference: string, options: CommitOptions): Promise<{ Id: string }>;
}

export interface CommitOptions {
  readonly repository?: string;
  readonly tag?: string;
  readonly comment?: string;
  readonly author?: string;
  readonly pause: boolean;
  readonly changes: readonly string[];
  readonly config: OpenJson;
}

/** What `images` may offer beyond its contract: a registry client. */
export interface ImageExtras {
  pull(
    reference: { image: string; tag?: string; platform?: string; auth?: string },
    onProgress: (line: ProgressJson) => void,
  ): Promise<void>;
  push(reference: { image: string; tag?: string; auth?: string }, onProgress: (line: ProgressJson) => void): Promise<void>;
  search(term: string, limit: number | undefined): Promise<readonly OpenJson[]>;
  /** @returns Docker's status line, as `Login Succeeded` */
  login(credentials: OpenJson): Promise<{ Status: string; IdentityToken: string }>;
  distribution(name: string, auth: string | undefined): Promise<OpenJson>;
}

export interface VolumeFacts {
  readonly name: string;
  /** RFC 3339. */
  readonly created: string;
  readonly driver: string;
  readonly mountpoint: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>> | null;
  /** Made for a container rather than by name. */
  readonly anonymous: boolean;
}

/** Volumes, as `ContainerService.volumes` is. Who uses one is `usersOfVolume` of containers. */
export interface VolumeDoor {
  list(): readonly VolumeFacts[];
  /** @throws notFound `get X: no such volume` */
  find(name: string): VolumeFacts;
  /** Idempotent for one name. Without a name: an anonymous volume. */
  create(spec: {
    name?: string;
    driver?: string;
    labels?: Readonly<Record<string, string>>;
    options?: Readonly<Record<string, string>>;
  }): Promise<VolumeFacts>;
  remove(name: string, users: readonly string[], force?: boolean): Promise<void>;
  has(name: string): boolean;
  /** Bytes of its files. */
  size?(name: string): Promise<number>;
}

export interface ExtensionCall {
  readonly method: string;
  /** Path after the version prefix, as `/fairway/drift`. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Parsed JSON body; undefined when there was none. */
  readonly body: unknown;
  readonly version: string;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
}

/** A handler outside Docker's API, keyed by `GET /fairway/doctor`. What it returns is sent as JSON, undefined as 204, a `StreamReply` as it comes. */
export type Extension = (call: ExtensionCall) => Promise<unknown>;

export interface ServerDependencies {
  readonly engine: Engine;
  readonly containers: Containers & Partial<ContainerExtras>;
  readonly images: Images & Partial<ImageExtras>;
  readonly volumes?: VolumeDoor;
  readonly info: () => DaemonInfo;
  readonly log: Log;
  readonly extensions?: Readonly<Record<string, Extension>>;
  /** Group of the unix sockets: a name or a number; `docker` where that group exists. */
  readonly group?: string;
  /** PEM texts for tcp hosts; `ca` makes client certificates compulsory. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca?: string };
  /** Largest JSON body taken, in bytes. */
  readonly bodyLimit?: number;
  readonly now?: () => Date;
}

export interface Server {
  /** Starts serving on every host, or on none: what was opened is closed again when one fails. */
  listen(hosts: readonly string[]): Promise<readonly string[]>;
  /** Stops taking requests, ends streams, closes every connection and removes the sockets. */
  close(): Promise<void>;
  /** Adds an event of the daemon's own (`reload`) to the stream. */
  publish(event: { readonly action: string; readonly attributes?: Readonly<Record<string, string>> }): void;
}

/** Bytes or text in pieces, with headers that go out at once. */
export interface StreamReply {
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<Uint8Array | string>;
}

/** A connection to be taken over; `serve` runs until the process or the client is done. Undefined: nothing to take over, answer 200. */
export type HijackReply = { readonly multiplexed: boolean; serve(socket: Duplex): Promise<void> } | undefined;

export interface Call<Query, Body> {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Body;
  readonly version: string;
  readonly request: IncomingMessage;
  readonly signal: AbortSignal;
}

/** What every handler file is made from. */
export interface HandlerContext extends ServerDependencies {
  readonly events: EventHub;
}
