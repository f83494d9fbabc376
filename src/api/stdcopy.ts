/**
 * Docker's framing of stdout and stderr on one connection ("stdcopy"), used wherever there is no tty:
 *
 *     offset  0       1..3     4..7
 *             stream  0 0 0    payload length, big endian
 *
 * stream is 0 stdin, 1 stdout, 2 stderr, 3 an error of the daemon's own.
 */
export type StdStream = "stdin" | "stdout" | "stderr" | "systemerr";

const STREAMS: readonly StdStream[] = ["stdin", "stdout", "stderr", "systemerr"];
export const STDCOPY_HEADER_BYTES = 8;
/** A longer frame is taken for a stream that is no stdcopy at all; moby writes at most 32 KiB in one. */
const MAX_FRAME_BYTES = 64 << 20;

/** The eight bytes that go before `length` bytes of a stream. */
export function encodeStdHeader(stream: StdStream, length: number): Uint8Array {
  const header = new Uint8Array(STDCOPY_HEADER_BYTES);
  header[0] = STREAMS.indexOf(stream);
  new DataView(header.buffer).setUint32(4, length);
  return header;
}

export function encodeStdFrame(stream: StdStream, data: Uint8Array): Uint8Array {
  const frame = new Uint8Array(STDCOPY_HEADER_BYTES + data.length);
  frame.set(encodeStdHeader(stream, data.length));
  frame.set(data, STDCOPY_HEADER_BYTES);
  return frame;
}

/** Takes a multiplexed stream apart. @throws Error on an impossible header or an end inside a frame */
export async function* decodeStdFrames(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ readonly stream: StdStream; readonly data: Uint8Array }> {
  let pending: Uint8Array = new Uint8Array(0);
  for await (const chunk of source) {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    for (;;) {
      if (pending.length < STDCOPY_HEADER_BYTES) break;
      const length = new DataView(pending.buffer, pending.byteOffset, pending.byteLength).getUint32(4);
      const stream = STREAMS[pending[0]!];
      if (stream === undefined || length > MAX_FRAME_BYTES) throw new Error(`Unrecognized input header: ${pending[0]}`);
      if (pending.length < STDCOPY_HEADER_BYTES + length) break;
      yield { stream, data: pending.subarray(STDCOPY_HEADER_BYTES, STDCOPY_HEADER_BYTES + length) };
      pending = pending.subarray(STDCOPY_HEADER_BYTES + length);
    }
  }
  if (pending.length > 0) throw new Error(`Stream ended inside a frame: ${pending.length} bytes left over`);
}
