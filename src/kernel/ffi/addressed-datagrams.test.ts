import assert from "node:assert/strict";
import { test } from "node:test";
import { AddressedDatagrams, inetAddress, openUdp } from "./mod.ts";

for (const { family, any, asked, asker } of [
  { family: 4, any: "0.0.0.0", asked: "127.0.0.2", asker: "127.0.0.1" },
  { family: 6, any: "::", asked: "::1", asker: "::1" },
] as const)
  test(`\`AddressedDatagrams\` answers from the address that a datagram came to, as long as datagrams can be, ${any}`, () => {
    using server = openUdp({ address: any, port: 0 });
    using client = openUdp({ address: asker, port: 0 });
    const { port } = server.localAddress as { port: number };
    AddressedDatagrams.prepare(server, family);
    const datagrams = new AddressedDatagrams();
    assert.equal(datagrams.receive(server, family), undefined);
    for (const size of [5, 0, 60_000]) {
      client.sendTo(Buffer.alloc(size, "x"), inetAddress(asked, port));
      const { data, path } = datagrams.receive(server, family)!;
      assert.equal(data.toString(), "x".repeat(size));
      datagrams.send(server, Buffer.from(`${size} taken`), path);
      const into = Buffer.alloc(100);
      const answer = client.receiveFrom(into)!;
      assert.equal(into.toString("utf8", 0, answer.length), `${size} taken`);
      assert.deepEqual(answer.from, { family: "ip", address: asked, port });
    }
    assert.equal(datagrams.receive(server, family), undefined);
  });
