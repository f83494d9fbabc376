import assert from "node:assert/strict";
import { test } from "node:test";
import { logSizeLimit, validateLogConfig } from "./log-options.ts";

test("`validateLogConfig()` takes the drivers there are with the options of Docker's", () => {
  for (const config of [
    undefined,
    {},
    { Type: "json-file", Config: { "max-size": "10m", "max-file": "3", tag: "x" } },
    { Type: "local", Config: { compress: "true" } },
    { Type: "none", Config: { whatever: "1" } },
  ])
    validateLogConfig(config);
});

test("`validateLogConfig()` throws for drivers, options and sizes there are not", () => {
  const refused = (message: RegExp, Type: string, Config?: Record<string, string>) =>
    assert.throws(() => validateLogConfig(Config ? { Type, Config } : { Type }), { category: "invalidParameter", message });
  refused(/no log driver named 'syslog' is registered/, "syslog");
  refused(/unknown log opt 'bogus' for json-file log driver/, "", { bogus: "1" });
  refused(/unknown log opt 'tag' for local log driver/, "local", { tag: "x" });
  refused(/invalid size: '10q'/, "json-file", { "max-size": "10q" });
});

test("`logSizeLimit()` reads sizes as docker/go-units does; -1 and none are no limit", () => {
  const read = (size: string) => logSizeLimit({ "max-size": size });
  assert.deepEqual(["7", "2k", "10m", "1G", "3MB"].map(read), [7, 2048, 10 << 20, 1 << 30, 3 << 20]);
  assert.deepEqual([read("-1"), read("0"), logSizeLimit(undefined)], [undefined, undefined, undefined]);
});
