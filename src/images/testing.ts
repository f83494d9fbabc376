/** What tests of any room need of images. Not exported by the door. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const SCRIPT = fileURLToPath(new URL("../../scripts/make-busybox-image.sh", import.meta.url));

/** A root filesystem of busybox-static as a tar, to be imported as `busybox` or `alpine`; about 2 MB. */
export async function buildBusyboxTar(): Promise<Buffer> {
  const { stdout } = await promisify(execFile)(SCRIPT, { encoding: "buffer", maxBuffer: 64 << 20 });
  return stdout;
}

/** Bytes as the stream the store's methods take, in chunks of a size that falls across tar blocks. */
export async function* streamOf(bytes: Uint8Array, chunk = 65_521): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk);
}

/** The whole of a stream. */
export async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}
