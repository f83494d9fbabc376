/** Response shapes of the system endpoints. */

export interface VersionJson {
  Platform: { Name: string };
  Components: readonly { Name: string; Version: string; Details?: Readonly<Record<string, string>> }[];
  Version: string;
  ApiVersion: string;
  MinAPIVersion: string;
  GitCommit: string;
  GoVersion: string;
  Os: string;
  Arch: string;
  KernelVersion: string;
  Experimental?: boolean;
  BuildTime: string;
}

/** A line of `/events`. status, id and from are the form of before API 1.22, which old clients still read. */
export interface EventJson {
  status?: string;
  id?: string;
  from?: string;
  Type: string;
  Action: string;
  Actor: { ID: string; Attributes: Readonly<Record<string, string>> };
  scope: string;
  /** Seconds since the epoch. */
  time: number;
  /** Nanoseconds since the epoch. */
  timeNano: bigint | number;
}

/** A line of progress of pull, push, load and import. */
export interface ProgressJson {
  id?: string;
  status?: string;
  progress?: string;
  progressDetail?: { current?: number; total?: number };
  stream?: string;
  error?: string;
  errorDetail?: { message: string };
  aux?: unknown;
}

/** An object handed through as another room, or Docker's schema, defines it. */
export type OpenJson = Readonly<Record<string, unknown>>;
