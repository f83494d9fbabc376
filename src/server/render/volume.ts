import type { VolumeJson } from "#api";
import { sortedRecord } from "../json.ts";
import type { VolumeFacts } from "../types.ts";

/** Docker's volume object. */
export const volumeJson = (volume: VolumeFacts): VolumeJson => ({
  CreatedAt: volume.created,
  Driver: volume.driver,
  Labels: sortedRecord(volume.labels),
  Mountpoint: volume.mountpoint,
  Name: volume.name,
  Options: volume.options && sortedRecord(volume.options),
  Scope: "local",
});
