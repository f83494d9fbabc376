import assert from "node:assert/strict";
import { it } from "node:test";
import { storeComplies } from "../compliance.ts";
import { MemoryStore } from "./memory-store.ts";

storeComplies("memory", async () => new MemoryStore());

it("`MemoryStore` tells a throwing listener's error apart and still serves the others", async () => {
  const errors: unknown[] = [];
  const seen: string[] = [];
  const store = new MemoryStore({ onListenerError: (error) => errors.push(error) });
  store.watch("", () => {
    throw new Error("bad listener");
  });
  store.watch("", (change) => seen.push(change.type));
  await store.commit([{ op: "put", key: "a", value: 1 }]);
  await new Promise(setImmediate);
  assert.deepEqual([errors.length, seen], [1, ["put"]]);
  await store.close();
});
