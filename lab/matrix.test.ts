import assert from "node:assert/strict";
import { test } from "node:test";
import { PingMatrix, parseGrid, parsePing, pingMatrix } from "./matrix.ts";

const grid = `
      a    b    c
a     -    ok   X
b     ok   -    ok
c     X    1/2  -`;

test("`parsePing()` reads iputils' and busybox' closing lines when they differ in words", () => {
  assert.deepEqual(parsePing("2 packets transmitted, 2 received, 0% packet loss, time 1001ms"), { sent: 2, received: 2 });
  assert.deepEqual(parsePing("2 packets transmitted, 1 packets received, 50% packet loss"), { sent: 2, received: 1 });
  assert.throws(() => parsePing("ping: bad address 'x'"), /not ping's output/);
});

test("`PingMatrix` renders what `parseGrid()` reads when there are all kinds of cells", () => {
  const matrix = new PingMatrix(["a", "b", "c"]);
  for (const [from, to, received] of [
    ["a", "b", 2],
    ["a", "c", 0],
    ["b", "a", 2],
    ["b", "c", 2],
    ["c", "a", 0],
    ["c", "b", 1],
  ] as const) {
    matrix.set(from, to, { sent: 2, received });
  }
  assert.deepEqual(parseGrid(matrix.render()), parseGrid(grid));
  assert.deepEqual(matrix.differences(grid), []);
  assert.deepEqual(matrix.differences("  a b c\na - X ok\nb ok - ?"), [
    "a to b: ok where X was expected",
    "a to c: X where ok was expected",
  ]);
  assert.throws(() => parseGrid("  a b\na -"), /Row "a" has 1 cells/);
});

test("`pingMatrix()` tries cells again when they must ping and did not, and only those", async () => {
  const asked: string[] = [];
  const end = (name: string, first: string) => ({
    name,
    address: name,
    async run(script: string) {
      asked.push(`${name}: ${script.match(/-W 1 \w+/g)?.length} pings`);
      const answered = asked.filter((each) => each.startsWith(name)).length > 1 ? "2 received" : first;
      return `0 2 packets transmitted, ${answered}`;
    },
  });
  const matrix = await pingMatrix([end("a", "1 received"), end("b", "0 received")], { expected: "  a b\na - ok\nb X -" });
  assert.deepEqual(matrix.differences("  a b\na - ok\nb X -"), []);
  assert.deepEqual(asked, ["a: 1 pings", "b: 1 pings", "a: 1 pings"]);
});
