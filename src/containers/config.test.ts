import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { mergeConfig, mergeEnv, processEnv } from "./config.ts";

describe("mergeConfig()", () => {
  const image = {
    Cmd: ["sh"],
    Entrypoint: ["/entry"],
    Env: ["PATH=/bin", "A=image"],
    WorkingDir: "/w",
    User: "u",
    Labels: { a: "1", b: "1" },
  };
  const cases: [string, object, (string[] | null)[]][] = [
    ["takes entrypoint and command from the image", {}, [["/entry"], ["sh"]]],
    ["keeps the image's entrypoint before a command of one's own", { Cmd: ["ls"] }, [["/entry"], ["ls"]]],
    ["drops the image's command with an entrypoint of one's own", { Entrypoint: ["/mine"] }, [["/mine"], null]],
    ["keeps both of one's own", { Entrypoint: ["/mine"], Cmd: ["x"] }, [["/mine"], ["x"]]],
    ["takes an empty entrypoint for none", { Entrypoint: [""], Cmd: ["x"] }, [null, ["x"]]],
  ];
  for (const [name, own, [entrypoint, cmd]] of cases)
    it(`mergeConfig() ${name}`, () => {
      const merged = mergeConfig(own, image);
      assert.deepEqual([merged.Entrypoint, merged.Cmd], [entrypoint, cmd]);
    });

  it("mergeConfig() joins environment, labels and places", () => {
    const merged = mergeConfig({ Env: ["A=own", "B=2"], Labels: { b: "2" } }, image);
    assert.deepEqual(merged.Env, ["A=own", "B=2", "PATH=/bin"]);
    assert.deepEqual(merged.Labels, { a: "1", b: "2" });
    assert.deepEqual([merged.WorkingDir, merged.User], ["/w", "u"]);
  });

  it("mergeConfig() throws when nobody says what to run", () => {
    assert.throws(() => mergeConfig({}, {}), /^FairwayError: No command specified$/);
    assert.throws(() => mergeConfig({ Entrypoint: [""] }, { Entrypoint: ["/x"] }), /No command specified/);
  });
});

describe("processEnv()", () => {
  it("processEnv() lets the container override Docker's own, each key once", () => {
    const env = processEnv({ Tty: true, Env: ["PATH=/x", "A=1", "TERM"] }, "box", ["LINK=1"], ["A=2"]);
    assert.deepEqual(env, ["PATH=/x", "HOSTNAME=box", "LINK=1", "A=2"]);
  });
  it("mergeEnv() compares keys, not entries", () => assert.deepEqual(mergeEnv(["A="], ["A=1", "AB=2"]), ["A=", "AB=2"]));
});
