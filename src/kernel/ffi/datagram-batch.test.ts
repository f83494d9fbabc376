import assert from "node:assert/strict";
import { test } from "node:test";
import { DatagramBatch, inetAddress, openUdp, type Socket } from "./mod.ts";

const portOf = (socket: Socket): number => (socket.localAddress as { port: number }).port;

for (const address of ["127.0.0.1", "::1"]) {
  test(`\`DatagramBatch\` takes and answers more datagrams than it has slots for, ${address}`, () => {
    using server = openUdp({ address, port: 0 });
    using clients = new DisposableStack();
    const batch = new DatagramBatch({ slots: 8, receiveSize: 64, sendSize: 64 });
    assert.equal(batch.receive(server), 0);
    const sockets = Array.from({ length: 20 }, () => clients.use(openUdp({ address, port: 0 })));
    for (const [index, socket] of sockets.entries()) socket.sendTo(Buffer.from(`query ${index}`), inetAddress(address, portOf(server)));
    const peers: string[] = [];
    const counts: number[] = [];
    for (let count = batch.receive(server); count > 0; count = batch.receive(server)) {
      counts.push(count);
      for (let slot = 0; slot < count; slot++) {
        const text = batch.input.toString("latin1", batch.inputStart(slot), batch.inputEnd(slot));
        const { address: from, port } = batch.peer(slot);
        peers.push(`${from} ${port}`);
        // Every third gets none, so that replies and slots do not run in step.
        const answer = text.endsWith("3") ? "" : text.replace("query", "answer");
        batch.reply(slot, batch.output.write(answer, batch.outputStart));
      }
      batch.flush(server);
    }
    assert.deepEqual(counts, [8, 8, 4]);
    assert.deepEqual(
      peers,
      sockets.map((socket) => `${address} ${portOf(socket)}`),
    );
    const buffer = Buffer.alloc(64);
    for (const [index, socket] of sockets.entries()) {
      const length = socket.receive(buffer);
      if (`${index}`.endsWith("3")) assert.equal(length, -1);
      else assert.equal(buffer.toString("latin1", 0, length), `answer ${index}`);
    }
  });
}

test("`DatagramBatch.receive()` cuts what is longer than its slot", () => {
  using server = openUdp({ address: "127.0.0.1", port: 0 });
  using client = openUdp({ address: "127.0.0.1", port: 0 });
  const batch = new DatagramBatch({ slots: 2, receiveSize: 16 });
  client.sendTo(Buffer.alloc(40, 1), inetAddress("127.0.0.1", portOf(server)));
  assert.equal(batch.receive(server), 1);
  assert.equal(batch.inputEnd(0) - batch.inputStart(0), 16);
});
