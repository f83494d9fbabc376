/**
 * A server for one port: takes every connection and throws away what it sends. Prints `ready`.
 *   node sink.ts PORT
 */
import { createServer } from "node:net";

const server = createServer((socket) => {
  socket.on("error", () => {});
  socket.resume();
});
server.listen({ port: Number(process.argv[2]), host: "0.0.0.0", backlog: 4096 }, () => process.stdout.write("ready\n"));
