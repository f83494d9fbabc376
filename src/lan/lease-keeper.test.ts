import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { LeaseKeeper, type LeaseProtocol } from "./lease-keeper.ts";

interface Lease {
  readonly name: string;
  /** Seconds since the epoch. */
  readonly renew: number;
  readonly rebind: number;
  readonly expiry: number;
}
type Extension = Lease | "nak" | undefined;
const lease = (name: string, renew: number, rebind: number, expiry: number): Lease => ({ name, renew, rebind, expiry });

/** A keeper at second 0 of a clock that the test moves, and what it does: `5 renew a` is at second 5. */
function keep(t: TestContext, first: Lease, answers: { extend?: () => Extension; anew?: () => Lease | undefined }) {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 0 });
  const said: string[] = [];
  const say = (what: string) => said.push(`${Date.now() / 1000} ${what}`);
  const protocol: LeaseProtocol<Lease> = {
    times: ({ renew, rebind, expiry }) => ({ renew: renew * 1000, rebind: rebind * 1000, expiry: expiry * 1000 }),
    async extend({ name }, phase) {
      say(`${phase} ${name}`);
      return answers.extend?.();
    },
    async anew({ name }) {
      say(`anew ${name}`);
      return answers.anew?.();
    },
  };
  const keeper = new LeaseKeeper(protocol, first, { onLease: ({ name }) => say(`lease ${name}`), onLost: (reason) => say(reason) });
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      t.mock.timers.tick(1000);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { keeper, said, pass };
}

test("`LeaseKeeper` renews from T1 and rebinds from T2, each time after half of what is left and a minute at least, until the end", async (t) => {
  const { said, pass } = keep(t, lease("a", 1000, 1750, 2000), {});
  await pass(2050);
  assert.deepEqual(said, [
    ...["1000 renew a", "1375 renew a", "1563 renew a", "1657 renew a", "1717 renew a"],
    ...["1750 rebind a", "1875 rebind a", "1938 rebind a", "1998 rebind a", "2000 expired", "2000 anew a", "2030 anew a"],
  ]);
});

test("`LeaseKeeper` goes on from what was renewed, and asks for another at once when it is refused", async (t) => {
  const answers: Extension[] = [lease("b", 200, 300, 400), "nak"];
  const { keeper, said, pass } = keep(t, lease("a", 100, 175, 200), {
    extend: () => answers.shift(),
    anew: () => lease("c", 500, 600, 700),
  });
  await pass(300);
  assert.deepEqual(said, ["100 renew a", "100 lease b", "200 renew b", "200 refused", "201 anew b", "201 lease c"]);
  assert.equal(keeper.lease.name, "c");
});

test("`LeaseKeeper` says of a lease that ran out while nobody kept it that it is lost, and asks for the same again", async (t) => {
  const { said, pass } = keep(t, lease("a", -300, -200, -100), { anew: () => lease("a", 500, 600, 700) });
  await pass(10);
  assert.deepEqual(said, ["1 expired", "1 anew a", "1 lease a"]);
});

test("`LeaseKeeper` asks once a second at most when every lease is due as soon as it is granted", async (t) => {
  const { said, pass } = keep(t, lease("a", 0, 1000, 2000), { extend: () => lease("a", 0, 1000, 2000) });
  await pass(10);
  assert.equal(said.filter((line) => line.endsWith("renew a")).length, 10);
});

test("`LeaseKeeper` does nothing for a lease without end, waits for those further off than a timer can be set, and stops when told", async (t) => {
  const endless = keep(t, lease("a", Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY), {});
  t.mock.timers.tick(4_000_000_000);
  assert.deepEqual(endless.said, []);
  t.mock.timers.reset();
  const far = keep(t, lease("b", 3_000_000, 4_000_000, 5_000_000), {});
  for (const step of [2_000_000_000, 1_000_000_000]) {
    t.mock.timers.tick(step);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.deepEqual(far.said, ["3000000 renew b"]);
  far.keeper[Symbol.dispose]();
  t.mock.timers.tick(2_000_000_000);
  assert.equal(far.said.length, 1);
});
