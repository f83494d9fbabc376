/**
 * Sends to an address over TCP as fast as it takes it, and prints how many octets a second.
 *   node flood.ts ADDRESS PORT SECONDS
 */
import { AF_INET, inetAddress, SOCK_STREAM, Socket } from "#kernel/ffi";

const [address = "", port = "", seconds = ""] = process.argv.slice(2);
using socket = Socket.create(AF_INET, SOCK_STREAM);
socket.connect(inetAddress(address, Number(port)));
const block = new Uint8Array(256 << 10);
const deadline = (from: number) => from + Number(seconds) * 1000;
// Slow start and warm-up are not counted.
for (const end = performance.now() + 300; performance.now() < end; ) socket.send(block);
let sent = 0;
const started = performance.now();
while (performance.now() < deadline(started)) sent += socket.send(block);
process.stdout.write(`${sent / ((performance.now() - started) / 1000)}\n`);
