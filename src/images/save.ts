import { notImplemented } from "#base";
import type { ImageStore } from "./store.ts";

export function saveArchive(_store: ImageStore, _references: readonly string[]): AsyncIterable<Uint8Array> {
  throw notImplemented("save");
}
