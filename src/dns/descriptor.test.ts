import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { connect, createServer } from "node:net";
import { test } from "node:test";
import { decodeMessage, encodeQuery } from "./testing.ts";

/** What the daemon does with descriptors opened inside a namespace: here a child process inherits them as 3 and 4. */
const CHILD = `
import { DnsServer, DnsZones, Forwarder, SandboxResolver } from ${JSON.stringify(import.meta.resolve("./mod.ts"))};
const zones = new DnsZones();
zones.addEndpoint("n1", "blue", { endpointId: "e1", names: ["web"], ipv4: "10.0.0.1" });
const resolver = new SandboxResolver(zones, { sandboxId: "s1", networks: [{ id: "n1", name: "blue" }] }, new Forwarder());
const server = new DnsServer({ resolver, udp: 3, tcp: 4 });
await server.start();
process.stdin.on("end", () => server.close()).resume();
process.stdout.write("ready");
`;

/** Node tells a dgram or net handle's descriptor to nobody but us. */
function descriptorOf(owner: object): number {
  const state = Object.getOwnPropertySymbols(owner).find((key) => key.description === "state symbol");
  const holder = state
    ? (owner as Record<symbol, { handle: { fd: number } }>)[state]!.handle
    : (owner as { _handle: { fd: number } })._handle;
  return holder.fd;
}

test("DnsServer serves bound descriptors over UDP and TCP, and ends when it is closed", async () => {
  const udp = createSocket("udp4");
  await new Promise<void>((resolve) => udp.bind(0, "127.0.0.11", resolve));
  const tcp = createServer();
  await new Promise<void>((resolve) => tcp.listen(0, "127.0.0.11", resolve));
  const ports = { udp: udp.address().port, tcp: (tcp.address() as { port: number }).port };
  const child = spawn(process.execPath, ["--input-type=module", "-e", CHILD], {
    stdio: ["pipe", "pipe", "inherit", descriptorOf(udp), descriptorOf(tcp)],
  });
  udp.close();
  tcp.close();
  await new Promise((resolve) => child.stdout!.once("data", resolve));

  const client = createSocket("udp4");
  const answer = await new Promise<Buffer>((resolve) => {
    client.once("message", resolve);
    client.send(encodeQuery("web", 1), ports.udp, "127.0.0.11");
  });
  client.close();
  assert.equal(decodeMessage(answer).answers[0]?.data, "10.0.0.1");

  const stream = connect(ports.tcp, "127.0.0.11");
  const query = encodeQuery("web", 1);
  stream.write(Buffer.concat([Buffer.from([0, query.length]), query]));
  const framed = await new Promise<Buffer>((resolve) => stream.once("data", resolve));
  assert.equal(decodeMessage(framed.subarray(2)).answers[0]?.data, "10.0.0.1");

  child.stdin!.end();
  assert.equal(await new Promise((resolve) => child.once("exit", resolve)), 0);
  stream.destroy();
});
