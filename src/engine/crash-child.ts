/**
 * Runs one engine operation in a process of its own and kills that process at the n-th step boundary: `crash-child.ts DIRECTORY OPERATION N`.
 * A boundary is before and after each commit of the store, each batch for the kernel, and each namespace made or removed.
 */
import { silentLog } from "#base";
import type { Executor } from "#fabric";
import { openStore, type Store } from "#store";
import { CRASH_OPERATIONS, openForCrash } from "./crash-lab.ts";

const [directory = "", operation = "", boundary = "0"] = process.argv.slice(2);
let armed = false;
let passed = 0;

function step(): void {
  if (armed && ++passed === Number(boundary)) process.kill(process.pid, "SIGKILL");
}

/** The part with a boundary before and after every call of the named methods. */
function stepped<T extends object>(part: T, methods: readonly (keyof T)[]): T {
  return new Proxy(part, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown;
      if (typeof value !== "function") return value;
      if (!methods.includes(name as keyof T)) return value.bind(target);
      return (...args: unknown[]) => {
        step();
        const result: unknown = value.apply(target, args);
        if (result instanceof Promise) return result.finally(step);
        step();
        return result;
      };
    },
  });
}

const store: Store = stepped(await openStore(`sqlite:${directory}/fairway.db`), ["commit"]);
const engine = await openForCrash(directory, store, silentLog, {
  // One operation at a time, so that every single change of the kernel is a boundary.
  executor: (executor: Executor): Executor => ({
    observe: (wanted) => executor.observe(wanted),
    close: () => executor.close(),
    run(operations) {
      const done = [];
      for (const single of operations) {
        step();
        const result = executor.run([single]);
        done.push(...result.done);
        if (result.failure) return { done, failure: result.failure };
      }
      step();
      return { done };
    },
  }),
  namespaces: (namespaces) => stepped(namespaces, ["create", "remove"]),
});
await CRASH_OPERATIONS[operation]!.before(engine, directory);
armed = true;
await CRASH_OPERATIONS[operation]!.act(engine, directory);
process.stdout.write(`${passed}\n`);
process.exit(0);
