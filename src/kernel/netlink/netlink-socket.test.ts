import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ackBytes,
  buildRequest,
  decodeMessages,
  Errno,
  encodeMessages,
  FakeKernel,
  messageBytes,
  NetlinkError,
  NetlinkSocket,
  NLM_F_ACK,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  ShortReadError,
} from "./mod.ts";

const request = (name: string) => buildRequest(name, 16, 0, (writer) => writer.attrString(3, name));

test("`NetlinkSocket.request()` returns the objects before the acknowledgement", () => {
  const kernel = new FakeKernel(() => [{ type: 20, payload: Uint8Array.of(1, 2, 3, 4) }]);
  const answers = new NetlinkSocket(kernel).request(request("a"));
  assert.deepEqual(
    answers.map((answer) => [answer.type, [...answer.payload]]),
    [[20, [1, 2, 3, 4]]],
  );
  assert.equal(kernel.requests[0]!.flags, NLM_F_REQUEST | NLM_F_ACK);
});

test("`NetlinkSocket.request()` throws what was attempted, errno and the extended acknowledgement", () => {
  const socket = new NetlinkSocket(new FakeKernel(() => ({ errno: Errno.EEXIST, message: "no room" })));
  assert.throws(
    () => socket.request(request("RTM_NEWLINK br-x")),
    (error) => {
      assert.ok(error instanceof NetlinkError);
      assert.equal(error.message, "RTM_NEWLINK br-x: File exists (EEXIST): no room");
      assert.deepEqual([error.operation, error.errno, error.errnoName], ["RTM_NEWLINK br-x", 17, "EEXIST"]);
      assert.deepEqual(error.extendedAck, { message: "no room" });
      return true;
    },
  );
});

test("`NetlinkSocket.batch()` sends once and gives each request its own result", () => {
  let sends = 0;
  const kernel = new FakeKernel((seen) => (seen.payload[4] === 0x62 ? { errno: Errno.ENODEV } : []));
  const send = kernel.send.bind(kernel);
  kernel.send = (bytes) => {
    sends++;
    send(bytes);
  };
  const socket = new NetlinkSocket(kernel);
  assert.deepEqual(
    socket.batch([request("a"), request("b"), request("c")]).map((result) => result?.errnoName),
    [undefined, "ENODEV", undefined],
  );
  assert.equal(sends, 1);
  assert.deepEqual(socket.batch([]), []);
  assert.equal(sends, 1);
});

test("`NetlinkSocket.batch()` in mode errors takes silence as success", () => {
  const kernel = new FakeKernel((seen) => (seen.payload[4] === 0x62 ? { errno: Errno.ENODEV } : []));
  const results = new NetlinkSocket(kernel).batch([request("a"), request("b"), request("c")], { acknowledge: "errors" });
  assert.deepEqual(
    results.map((result) => result?.errnoName),
    [undefined, "ENODEV", undefined],
  );
  assert.ok(kernel.requests.every((seen) => (seen.flags & NLM_F_ACK) === 0));
});

test("`NetlinkSocket.batch()` splits what is too much for one receive buffer", () => {
  const socket = new NetlinkSocket(new FakeKernel((seen) => (seen.sequence === 1500 ? { errno: Errno.EBUSY } : [])));
  const results = socket.batch(Array.from({ length: 2500 }, () => request("x")));
  assert.equal(results.length, 2500);
  assert.equal(
    results.findIndex((result) => result !== undefined),
    1499,
  );
});

test("`NetlinkSocket.dump()` begins again when the list changed meanwhile", () => {
  let dumps = 0;
  const kernel = new FakeKernel(() => [{ type: 16, payload: Uint8Array.of(++dumps), flags: dumps < 3 ? NLM_F_DUMP_INTR : 0 }]);
  assert.deepEqual([...new NetlinkSocket(kernel).dump(request("d"))[0]!.payload], [3]);
});

test("`NetlinkSocket.dump()` gives up with EINTR when the list never stands still", () => {
  const kernel = new FakeKernel(() => [{ type: 16, payload: new Uint8Array(0), flags: NLM_F_DUMP_INTR }]);
  assert.throws(() => new NetlinkSocket(kernel).dump(request("d")), { errno: Errno.EINTR });
});

test("`NetlinkSocket` skips answers to an earlier request", () => {
  const kernel = new FakeKernel();
  kernel.inject(messageBytes(20, 0, 77, new Uint8Array(4)));
  assert.deepEqual(new NetlinkSocket(kernel).request(request("a")), []);
});

test("`NetlinkSocket.request()` times out when the kernel stays silent", () => {
  const kernel = new FakeKernel();
  kernel.send = () => {};
  assert.throws(() => new NetlinkSocket(kernel).request(request("a")), { errno: Errno.ETIMEDOUT });
});

test("`NetlinkSocket.drain()` reports a loss as resync and goes on", () => {
  const kernel = new FakeKernel();
  const socket = new NetlinkSocket(kernel);
  assert.deepEqual(socket.drain(), { messages: [], resync: false });
  kernel.inject(messageBytes(16, 0, 0, Uint8Array.of(1)));
  kernel.inject("overflow");
  kernel.inject(messageBytes(16, 0, 0, Uint8Array.of(2)));
  const { messages, resync } = socket.drain();
  assert.equal(resync, true);
  assert.deepEqual(
    messages.map((message) => message.payload[0]),
    [1, 2],
  );
});

test("`NetlinkSocket.drain()` stops where a kernel that never falls silent would keep it for ever", () => {
  const kernel = new FakeKernel();
  let sent = 0;
  kernel.receive = (into) => {
    const datagram = messageBytes(16, 0, 0, Uint8Array.of(sent++ & 255));
    into.set(datagram);
    if (sent > 1_000_000) throw new Error("drained without end");
    return datagram.length;
  };
  const socket = new NetlinkSocket(kernel);
  const first = socket.drain().messages.length;
  assert.equal(first, sent);
  assert.equal(socket.drain().messages[0]!.payload[0], first & 255, "the next call goes on where this one stopped");
});

test("`NetlinkSocket.batch()` gives each request its own result, in whatever order they are acknowledged", () => {
  const kernel = new FakeKernel();
  kernel.send = (bytes) => {
    for (const [index, each] of decodeMessages(bytes.slice()).entries().toArray().toReversed())
      kernel.inject(ackBytes(each, index === 0 ? Errno.EBUSY : 0));
  };
  assert.deepEqual(
    new NetlinkSocket(kernel).batch([request("a"), request("b")]).map((result) => result?.errnoName),
    ["EBUSY", undefined],
  );
});

test("`decodeMessages()` splits what `encodeMessages()` joined", () => {
  const requests = ["a", "bb", "ccc", "dddd"].map(request);
  const decoded = decodeMessages(encodeMessages(requests, 0xfffffffe));
  assert.deepEqual(
    decoded.map((message) => message.sequence),
    [0xfffffffe, 0xffffffff, 0, 1],
  );
  assert.deepEqual(
    decoded.map((message) => Buffer.from(message.payload)),
    requests.map((each) => Buffer.from(each.payload)),
  );
});

test("`decodeMessages()` throws when a message is cut", () => {
  const bytes = encodeMessages([request("abc")], 1);
  for (let length = 1; length < bytes.length; length++) assert.throws(() => decodeMessages(bytes.subarray(0, length)), ShortReadError);
});

test("`NetlinkSocket.request()` throws when an acknowledgement is cut", () => {
  const kernel = new FakeKernel();
  kernel.send = (bytes) => kernel.inject(messageBytes(2, 0, decodeMessages(bytes)[0]!.sequence, new Uint8Array(2).subarray(0, 2)));
  assert.throws(() => new NetlinkSocket(kernel).request(request("a")), ShortReadError);
  assert.equal(ackBytes(decodeMessages(encodeMessages([request("a")], 1))[0]!, 0).length, 36);
});
