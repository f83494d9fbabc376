import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isolate } from "#kernel/netns";
import { encodeNewAddress, encodeNewLink, RouteSocket } from "#kernel/rtnetlink";
import { removeLink } from "./link-removal.ts";

const options = { skip: isolate() ? false : "needs root" };

test("`removeLink()` leaves no link, address or route, and the name free, when it returns", options, async () => {
  using socket = RouteSocket.open();
  // More in a row than the pool takes.
  for (let round = 0; round < 8; round++) {
    socket.request(encodeNewLink({ name: "br0", up: true, info: { kind: "bridge" } }));
    const index = socket.indexOf("br0")!;
    socket.request(encodeNewAddress({ index, address: "10.9.0.1/24" }));
    assert.equal(removeLink("br0", "host"), true);
    assert.equal(socket.indexOf("br0"), undefined);
    assert.deepEqual(
      socket.routes().filter((route) => route.index === index),
      [],
    );
  }
  await sleep(200);
});

test("`removeLink()` takes a veth's peer along when one end goes", options, () => {
  using socket = RouteSocket.open();
  socket.request(encodeNewLink({ name: "a0", up: true, info: { kind: "veth" }, peer: { name: "b0" } }));
  assert.equal(removeLink("a0", "host"), true);
  assert.deepEqual(
    socket.links().map(({ name }) => name),
    ["lo"],
  );
});

test("`removeLink()` says why when the kernel refuses, and that a missing link was missing", options, () => {
  assert.throws(() => removeLink("lo", "host"), /RTM_DELLINK/);
  assert.equal(removeLink("none0", "host"), false);
});
