import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { FairwayError } from "#base";
import type { Store, StoreChange } from "./store.ts";

const failsWith =
  (category: string, code: string, context: Record<string, unknown> = {}) =>
  (error: unknown) => {
    assert.ok(error instanceof FairwayError, String(error));
    assert.equal(error.category, category);
    assert.equal(error.code, code);
    for (const [key, value] of Object.entries(context)) assert.deepEqual(error.context[key], value);
    return true;
  };

/** Waits until the condition holds: a remote store delivers when it delivers. */
async function eventually(condition: () => boolean, what: string): Promise<void> {
  for (const end = Date.now() + 3000; !condition(); await delay(5)) assert.ok(Date.now() < end, `never happened: ${what}`);
}

const brief = (change: StoreChange) =>
  change.type === "put" ? `put ${change.record.key}@${change.record.revision}` : `delete ${change.key}@${change.revision}`;

/** The contract of `store.ts` as tests. Every implementation runs all of them; `open` gives an empty store. */
export function storeComplies(name: string, open: () => Promise<Store>): void {
  describe(`${name} store complies`, () => {
    let store: Store;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(() => store.close());

    it("`get()` gives undefined when there is no record", async () => {
      assert.equal(await store.get("network/none"), undefined);
    });

    it("`get()` gives what was put, at the revision of its transaction", async () => {
      const value = { name: "blue", list: [1, null, true, { deep: "ü\u{1f600}" }], empty: {}, text: "\u0000" };
      const revision = await store.commit([{ op: "put", key: "network/1", value }]);
      assert.deepEqual(await store.get("network/1"), { key: "network/1", value, revision });
    });

    it("`get()` gives plain deeply frozen values that are not the caller's object", async () => {
      const value = { inner: { list: [1] } };
      await store.commit([{ op: "put", key: "a", value }]);
      value.inner.list.push(2);
      const record = (await store.get<typeof value>("a"))!;
      assert.deepEqual(record.value, { inner: { list: [1] } });
      assert.ok(Object.isFrozen(record) && Object.isFrozen(record.value) && Object.isFrozen(record.value.inner.list));
      assert.equal(Object.getPrototypeOf(record.value), Object.prototype);
    });

    it("`list()` gives records under the prefix in byte order of their keys", async () => {
      const keys = ["b/1", "a/10", "a/2", "a", "a/", "a/\u{ff5e}", "a/\u{1f600}", "a/é", "a0", "A/1"];
      await store.commit(keys.map((key) => ({ op: "put", key, value: key })));
      const under = async (prefix: string) => (await store.list(prefix)).map((record) => record.key);
      assert.deepEqual(await under("a/"), ["a/", "a/10", "a/2", "a/é", "a/\u{ff5e}", "a/\u{1f600}"]);
      assert.deepEqual(
        await under(""),
        keys.toSorted((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y))),
      );
      assert.deepEqual(await under("c"), []);
    });

    it("`list()` takes prefixes literally when they hold wildcard characters", async () => {
      await store.commit(["a%/1", "a_/1", "ab/1", "a*/1"].map((key) => ({ op: "put", key, value: 0 })));
      assert.deepEqual(
        (await store.list("a_/")).map((record) => record.key),
        ["a_/1"],
      );
    });

    it("`commit()` grows the revision with every write and keeps other records' revisions", async () => {
      const first = await store.commit([{ op: "put", key: "a", value: 1 }]);
      const second = await store.commit([{ op: "put", key: "b", value: 1 }]);
      const third = await store.commit([{ op: "delete", key: "b" }]);
      assert.ok(first > 0 && second > first && third > second);
      assert.equal((await store.get("a"))?.revision, first);
    });

    it("`commit()` writes all operations at one revision", async () => {
      await store.commit([{ op: "put", key: "old", value: 1 }]);
      const revision = await store.commit([
        { op: "put", key: "a", value: 1 },
        { op: "put", key: "b", value: 2 },
        { op: "delete", key: "old" },
      ]);
      assert.deepEqual(
        (await store.list("")).map((record) => [record.key, record.revision]),
        [
          ["a", revision],
          ["b", revision],
        ],
      );
    });

    it("`commit()` writes nothing when any expectation fails", async () => {
      const revision = await store.commit([{ op: "put", key: "a", value: 1 }]);
      await assert.rejects(
        store.commit([
          { op: "put", key: "b", value: 2 },
          { op: "delete", key: "a", expect: revision + 7 },
        ]),
        failsWith("conflict", "revision-mismatch", { key: "a", expected: revision + 7, actual: revision }),
      );
      assert.deepEqual(
        (await store.list("")).map((record) => record.key),
        ["a"],
      );
    });

    it("`commit()` with expect 0 puts only what does not exist", async () => {
      const revision = await store.commit([{ op: "put", key: "a", value: 1, expect: 0 }]);
      await assert.rejects(
        store.commit([{ op: "put", key: "a", value: 2, expect: 0 }]),
        failsWith("conflict", "revision-mismatch", { key: "a", expected: 0, actual: revision }),
      );
      await store.commit([{ op: "delete", key: "a", expect: revision }]);
      await store.commit([{ op: "put", key: "a", value: 3, expect: 0 }]);
      assert.equal((await store.get("a"))?.value, 3);
    });

    it("`commit()` of a check guards another key's write", async () => {
      const revision = await store.commit([{ op: "put", key: "network/1", value: 1 }]);
      await store.commit([
        { op: "check", key: "network/1", expect: revision },
        { op: "put", key: "endpoint/1", value: 1 },
      ]);
      await assert.rejects(
        store.commit([
          { op: "check", key: "network/1", expect: 0 },
          { op: "put", key: "endpoint/2", value: 1 },
        ]),
        failsWith("conflict", "revision-mismatch"),
      );
      assert.equal(await store.get("endpoint/2"), undefined);
    });

    it("`commit()` lets only one of two racing writers pass", async () => {
      const outcomes = await Promise.allSettled(
        [1, 2, 3].map((value) => store.commit([{ op: "put", key: "name/blue", value, expect: 0 }])),
      );
      assert.equal(outcomes.filter((outcome) => outcome.status === "fulfilled").length, 1);
    });

    it("`commit()` that changes nothing gives the revision the store is at", async () => {
      const revision = await store.commit([{ op: "put", key: "a", value: 1 }]);
      assert.equal(await store.commit([]), revision);
      assert.equal(await store.commit([{ op: "check", key: "a", expect: revision }]), revision);
      assert.equal(await store.commit([{ op: "delete", key: "absent" }]), revision);
    });

    it("`commit()` refuses what is no JSON value, a bad key, and a key written twice, and writes nothing", async () => {
      const put = (key: string, value: unknown) => store.commit([{ op: "put", key: "good", value: 1 }, { op: "put", key, value }]); // biome-ignore format: one line a case
      await assert.rejects(put("a", undefined), failsWith("invalidParameter", "not-json"));
      await assert.rejects(put("a", { n: 1n }), failsWith("invalidParameter", "not-json"));
      for (const key of ["", "a\0b", "a\ud800", "a\u{10ffff}"]) await assert.rejects(put(key, 1), failsWith("invalidParameter", "bad-key"));
      await assert.rejects(put("good", 2), failsWith("invalidParameter", "duplicate-key"));
      await assert.rejects(store.commit([{ op: "check", key: "a", expect: -1 }]), failsWith("invalidParameter", "bad-revision"));
      assert.deepEqual(await store.list(""), []);
    });

    it("`watch()` tells of changes under its prefix from now on, in commit order", async () => {
      const seen: string[] = [];
      await store.commit([{ op: "put", key: "n/old", value: 1 }]);
      store.watch("n/", (change) => seen.push(brief(change)));
      const first = await store.commit([
        { op: "put", key: "n/1", value: { a: 1 } },
        { op: "put", key: "other", value: 1 },
      ]);
      const second = await store.commit([{ op: "put", key: "n/1", value: 2 }]);
      const third = await store.commit([{ op: "delete", key: "n/1" }]);
      await eventually(() => seen.length === 3, "three changes");
      assert.deepEqual(seen, [`put n/1@${first}`, `put n/1@${second}`, `delete n/1@${third}`]);
    });

    it("`watch()` finds the change committed when it hears of it", async () => {
      const read = new Promise<unknown>((resolve) => {
        store.watch("", () => void store.get("a").then((record) => resolve(record?.value)));
      });
      await store.commit([{ op: "put", key: "a", value: 5 }]);
      assert.equal(await read, 5);
    });

    it("`watch()` keeps commit order when a listener commits again", async () => {
      const seen: string[] = [];
      store.watch("", (change) => {
        if (change.type === "put" && change.record.key === "a") void store.commit([{ op: "put", key: "echo", value: 1 }]);
      });
      store.watch("", (change) => seen.push(brief(change).replace(/@.*/, "")));
      await store.commit([
        { op: "put", key: "a", value: 1 },
        { op: "put", key: "b", value: 1 },
      ]);
      await eventually(() => seen.length === 3, "echo");
      assert.deepEqual(seen, ["put a", "put b", "put echo"]);
    });

    it("`watch()` hears nothing of a failed commit, nor after it was stopped", async () => {
      const seen: string[] = [];
      const stop = store.watch("", (change) => seen.push(brief(change)));
      await assert.rejects(store.commit([{ op: "put", key: "a", value: 1, expect: 99 }]));
      const revision = await store.commit([{ op: "put", key: "a", value: 1 }]);
      await eventually(() => seen.length === 1, "first change");
      stop();
      await store.commit([{ op: "put", key: "b", value: 1 }]);
      await delay(20);
      assert.deepEqual(seen, [`put a@${revision}`]);
    });

    it("`lease()` ends its records when the time is up, and watchers hear of it", async () => {
      const lease = await store.lease(0.05);
      const seen: string[] = [];
      await store.commit([
        { op: "put", key: "host/1", value: 1, lease: lease.id },
        { op: "put", key: "network/1", value: 1 },
      ]);
      store.watch("host/", (change) => seen.push(change.type));
      await eventually(() => seen.length === 1, "lease end");
      assert.deepEqual(seen, ["delete"]);
      assert.equal(await store.get("host/1"), undefined);
      assert.ok(await store.get("network/1"));
      await assert.rejects(lease.keepAlive(), failsWith("notFound", "lease-not-found"));
    });

    it("`keepAlive()` puts the end off", async () => {
      const lease = await store.lease(0.3);
      await store.commit([{ op: "put", key: "host/1", value: 1, lease: lease.id }]);
      for (let round = 0; round < 8; round++) {
        await delay(60);
        await lease.keepAlive();
      }
      assert.ok(await store.get("host/1"));
    });

    it("`revoke()` ends its records at once, and is idempotent", async () => {
      const lease = await store.lease(60);
      await store.commit([{ op: "put", key: "host/1", value: 1, lease: lease.id }]);
      await lease.revoke();
      await lease.revoke();
      assert.equal(await store.get("host/1"), undefined);
      await assert.rejects(
        store.commit([{ op: "put", key: "host/1", value: 1, lease: lease.id }]),
        failsWith("notFound", "lease-not-found"),
      );
    });

    it("`commit()` without the lease takes a record out of it", async () => {
      const lease = await store.lease(60);
      await store.commit([{ op: "put", key: "host/1", value: 1, lease: lease.id }]);
      await store.commit([{ op: "put", key: "host/1", value: 2 }]);
      await lease.revoke();
      assert.equal((await store.get("host/1"))?.value, 2);
    });

    it("`close()` is idempotent and everything after it is refused", async () => {
      await store.close();
      await store.close();
      await assert.rejects(store.get("a"), failsWith("unavailable", "store-closed"));
      await assert.rejects(store.commit([{ op: "put", key: "a", value: 1 }]), failsWith("unavailable", "store-closed"));
    });

    it("agrees with a plain Map through 600 random transactions", async () => {
      const model = new Map<string, { value: number; revision: number }>();
      let seed = 12345;
      const random = (below: number) => {
        seed = (seed * 1103515245 + 12345) & 0x7fffffff;
        return (seed >>> 8) % below;
      };
      for (let round = 0; round < 600; round++) {
        const keys = new Set(Array.from({ length: 1 + random(4) }, () => `k/${random(12)}`));
        let holds = true;
        const next = new Map(model);
        const operations = [...keys].map((key) => {
          const now = model.get(key)?.revision ?? 0;
          const expect = random(5) === 0 ? random(round + 1) : now;
          holds &&= expect === now;
          if (random(3) === 0) {
            next.delete(key);
            return { op: "delete" as const, key, expect };
          }
          next.set(key, { value: round, revision: -1 });
          return { op: "put" as const, key, expect, value: round };
        });
        const revision = await store.commit(operations).catch(() => undefined);
        assert.equal(revision !== undefined, holds);
        if (revision === undefined) continue;
        model.clear();
        for (const [key, record] of next) model.set(key, record.revision === -1 ? { ...record, revision } : record);
        const listed = (await store.list("k/")).map((record) => [record.key, { value: record.value, revision: record.revision }]);
        assert.deepEqual(
          listed,
          [...model].toSorted(([a], [b]) => (a < b ? -1 : 1)),
        );
      }
    });
  });
}
