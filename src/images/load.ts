import { notImplemented } from "#base";
import type { ImageStore } from "./store.ts";
import type { Progress } from "./types.ts";

export async function loadArchive(
  _store: ImageStore,
  _tar: AsyncIterable<Uint8Array>,
  _onProgress: (progress: Progress) => void,
): Promise<readonly string[]> {
  throw notImplemented("load");
}
