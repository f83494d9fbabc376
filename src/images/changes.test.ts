import assert from "node:assert/strict";
import { test } from "node:test";
import { applyChanges } from "./changes.ts";

test("`applyChanges()` reads each instruction in its shell and JSON form", () => {
  const rows: readonly [string, object][] = [
    ['CMD ["sh", "-c", "id"]', { Cmd: ["sh", "-c", "id"] }],
    ["cmd echo 'a b'", { Cmd: ["/bin/sh", "-c", "echo 'a b'"] }],
    ["CMD [not json", { Cmd: ["/bin/sh", "-c", "[not json"] }],
    ["CMD", { Cmd: [] }],
    ['ENTRYPOINT ["/x"]', { Entrypoint: ["/x"] }],
    ['ENV a=b c="d e" f=g\\ h', { Env: ["a=b", "c=d e", "f=g h"] }],
    ["ENV a b  c", { Env: ["a=b  c"] }],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the builder's variable, not ours
    ["ENV a=1\nENV b=$a${a}x c='$a'", { Env: ["a=1", "b=11x", "c=$a"] }],
    ["ENV a=1\nENV a=2", { Env: ["a=2"] }],
    ["EXPOSE 80 53/udp 90-91/TCP", { ExposedPorts: { "80/tcp": {}, "53/udp": {}, "90/tcp": {}, "91/tcp": {} } }],
    ['LABEL a="b c" d=', { Labels: { a: "b c", d: "" } }],
    ['VOLUME ["/a b", "/c"]', { Volumes: { "/a b": {}, "/c": {} } }],
    ["VOLUME /a /b", { Volumes: { "/a": {}, "/b": {} } }],
    ["USER 1000:1000", { User: "1000:1000" }],
    ["WORKDIR /a//b\nWORKDIR c", { WorkingDir: "/a/b/c" }],
    ["STOPSIGNAL SIGRTMIN+3", { StopSignal: "SIGRTMIN+3" }],
    ["HEALTHCHECK --interval=1m30s --retries=3 CMD curl x", { Healthcheck: { Test: ["CMD-SHELL", "curl x"], Interval: 90e9, Retries: 3 } }],
    ['HEALTHCHECK CMD ["a"]', { Healthcheck: { Test: ["CMD", "a"] } }],
    ["HEALTHCHECK NONE", { Healthcheck: { Test: ["NONE"] } }],
    ["ONBUILD RUN x", { OnBuild: ["RUN x"] }],
    ["# comment\n\n", {}],
  ];
  for (const [change, expected] of rows) assert.deepEqual(applyChanges({}, [change]), expected, change);
});

test("`applyChanges()` leaves its input alone", () => {
  const config = Object.freeze({ Env: Object.freeze(["a=1"]) });
  assert.deepEqual(applyChanges(config, ["ENV b=2"]).Env, ["a=1", "b=2"]);
  assert.deepEqual(config.Env, ["a=1"]);
});

test("`applyChanges()` refuses with docker's words when an instruction is wrong", () => {
  const refused: readonly [string, string][] = [
    ["FROM x", "from is not a valid change command"],
    ["BOGUS", "bogus is not a valid change command"],
    ["ENV", "ENV requires at least one argument"],
    ["ENV a", "ENV must have two arguments"],
    ["USER", "USER requires exactly one argument"],
    ["EXPOSE 99999", "Invalid containerPort: 99999"],
    ["EXPOSE x", "Invalid containerPort: x"],
    ["EXPOSE 80/xyz", "Invalid proto: xyz"],
    ["EXPOSE 90-80", "Invalid containerPort: 90-80"],
    ["LABEL x", "LABEL must have two arguments"],
    ['VOLUME [""]', "VOLUME specified can not be an empty string"],
    ["STOPSIGNAL 99", "Invalid signal: 99"],
    ["HEALTHCHECK CMD", "Missing command after HEALTHCHECK CMD"],
    ["HEALTHCHECK --interval=1ns CMD x", 'Interval "interval" cannot be less than 1ms'],
    ['ENV a="b', "unexpected end of statement while looking for matching double-quote"],
  ];
  for (const [change, message] of refused)
    assert.throws(() => applyChanges({}, [change]), { category: "invalidParameter", message }, change);
});
