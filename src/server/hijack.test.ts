import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import { test } from "node:test";
import type { StdioSession } from "#containers";
import { serveSession } from "./hijack.ts";

/** A client that takes nothing before it is told to. */
class SlowClient extends Duplex {
  taken = "";
  #more: (() => void)[] = [];
  reads = false;

  override _read(): void {}
  override _write(data: Uint8Array, _encoding: string, done: () => void): void {
    const take = () => {
      this.taken += Buffer.from(data).toString();
      done();
    };
    if (this.reads) take();
    else this.#more.push(take);
  }
  readAll(): void {
    this.reads = true;
    for (const take of this.#more.splice(0)) take();
  }
}

function printing(...texts: string[]): StdioSession {
  return {
    tty: true,
    output: (async function* () {
      for (const text of texts) yield { stream: "stdout" as const, data: Buffer.from(text) };
    })(),
    write: async () => {},
    closeInput: async () => {},
    detach: () => {},
  };
}

test("`serveSession()` keeps the connection until a slow client has the last of the output", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const client = new SlowClient();
  await serveSession(client, printing("one ", "two"));
  t.mock.timers.tick(60_000);
  assert.equal(client.destroyed, false);
  client.readAll();
  await new Promise(setImmediate);
  assert.equal(client.taken, "one two");
});

test("`serveSession()` does not wait for a client that has everything and keeps its half open", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const client = new SlowClient();
  client.reads = true;
  await serveSession(client, printing("all"));
  await new Promise(setImmediate);
  assert.equal(client.destroyed, false);
  t.mock.timers.tick(60_000);
  assert.equal(client.destroyed, true);
});
