import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { isolate } from "#kernel/netns";
import { encodeNewAddress, encodeSetLink, RouteSocket } from "#kernel/rtnetlink";
import { PortReserver } from "./host-ports.ts";

const options = { skip: isolate() ? false : "needs root" };

/** A container that answers each datagram with its text and who sent it. */
async function echo(): Promise<{ port: number } & Disposable> {
  const server = createSocket("udp4");
  server.on("message", (data, from) => server.send(`${data} ${from.port}`, from.port, from.address));
  server.bind(0, "127.0.0.9");
  await once(server, "listening");
  return { port: server.address().port, [Symbol.dispose]: () => void server.close() };
}

/** A client that takes answers from the address that it asks, and from no other. */
async function clientOf(from: string, to: string, port: number) {
  const client = createSocket(to.includes(":") ? "udp6" : "udp4");
  client.bind(0, from);
  await once(client, "listening");
  client.connect(port, to);
  await once(client, "connect");
  return {
    async ask(text: string): Promise<string> {
      client.send(text);
      const [answer] = (await once(client, "message", { signal: AbortSignal.timeout(10_000) })) as [Buffer];
      return answer.toString();
    },
    [Symbol.dispose]: () => void client.close(),
  };
}

for (const { any, addresses } of [
  { any: "0.0.0.0", addresses: ["127.0.0.1", "127.0.0.2"] },
  { any: "::", addresses: ["fd56::1", "fd56::2", "::1"] },
] as const)
  test(`\`PortReservation.relay()\` answers from the address that was asked when ${any} is bound`, options, async () => {
    using lo = RouteSocket.open();
    lo.request(encodeSetLink({ name: "lo", up: true }));
    for (const address of addresses.filter((each) => each.startsWith("fd")))
      lo.request(encodeNewAddress({ index: lo.indexOf("lo")!, address: `${address}/128`, noDad: true }));
    using container = await echo();
    using reservation = new PortReserver({ translated: false }).reserve("udp", any, 5353, 5353);
    reservation.relay({ address: "127.0.0.9", port: container.port });
    const senders = new Set<string>();
    for (const to of addresses) {
      using client = await clientOf(addresses[0], to, 5353);
      const [first, second] = [await client.ask("first"), await client.ask("second")];
      assert.match(first, /^first \d+$/);
      assert.equal(second.split(" ")[1], first.split(" ")[1], "a client keeps its port");
      senders.add(first.split(" ")[1]!);
    }
    assert.equal(senders.size, addresses.length, "and has it alone");
  });
