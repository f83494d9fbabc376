/**
 * Connects to an address again and again, one connection at a time, and prints the microseconds each took as JSON.
 *   node connect.ts ADDRESS PORT COUNT
 */
import { AF_INET, inetAddress, SOCK_STREAM, SOL_SOCKET, Socket } from "#kernel/ffi";

const [address = "", port = "", count = ""] = process.argv.slice(2);
const target = inetAddress(address, Number(port));
const SO_LINGER = 13;
// Reset instead of TIME_WAIT: no port of ours is used up.
const linger = new Uint8Array(Int32Array.of(1, 0).buffer);
const samples: number[] = [];
for (let index = -100; index < Number(count); index++) {
  using socket = Socket.create(AF_INET, SOCK_STREAM);
  socket.setOption(SOL_SOCKET, SO_LINGER, linger);
  const started = process.hrtime.bigint();
  socket.connect(target);
  if (index >= 0) samples.push(Number(process.hrtime.bigint() - started) / 1000);
}
process.stdout.write(`${JSON.stringify(samples)}\n`);
