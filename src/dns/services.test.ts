import assert from "node:assert/strict";
import { test } from "node:test";
import { parseServices } from "./services.ts";

test("parseServices() takes names and aliases, the first of each, and no nonsense", () => {
  const text =
    "# Network services\nhttp\t\t80/tcp\t\twww # WorldWideWeb\nDomain 53/udp\n\nbad 99999/tcp\nworse x/tcp\nother 7/ddp\nwww 81/tcp\r\n";
  assert.deepEqual(
    parseServices(text),
    new Map([
      ["http/tcp", 80],
      ["www/tcp", 80],
      ["domain/udp", 53],
    ]),
  );
  assert.equal(parseServices("\0\n").size, 0);
});
