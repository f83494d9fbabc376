export interface VolumeJson {
  CreatedAt?: string;
  Driver: string;
  Labels: Readonly<Record<string, string>> | null;
  Mountpoint: string;
  Name: string;
  Options: Readonly<Record<string, string>> | null;
  Scope: "local" | "global";
  Status?: Readonly<Record<string, unknown>>;
  UsageData?: { Size: number; RefCount: number };
}
