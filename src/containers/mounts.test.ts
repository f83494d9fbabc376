import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseBind, parseMount, planMounts } from "./mounts.ts";
import type { HostConfig } from "./types.ts";

const plan = (config: object, hostConfig: HostConfig) => {
  let count = 0;
  return planMounts(config, hostConfig, { newName: () => `anon${++count}`, from: () => [parseBind("/from:/f"), parseBind("v:/v")] });
};

describe("mounts", () => {
  it("`parseBind()` reads host paths, volume names and modes", () => {
    const { options: _, ...bind } = parseBind("/src/:/dst/:ro,rshared");
    assert.deepEqual(bind, { Type: "bind", Source: "/src", Destination: "/dst", Mode: "ro,rshared", RW: false, Propagation: "rshared" });
    const volume = parseBind("vol:/data:nocopy");
    assert.deepEqual([volume.Type, volume.Name, volume.copyUp, volume.RW], ["volume", "vol", false, true]);
  });
  it("`parseBind()` throws in Docker's words", () => {
    for (const [spec, words] of [
      ["/a", "invalid volume specification: '/a'"],
      ["a:b:c:d", "invalid volume specification: 'a:b:c:d'"],
      ["/a:b", "mount path must be absolute"],
      ["/a:/", "destination can't be '/'"],
      ["/a:/b:rx", "invalid mode: rx"],
      ["a b:/b", "includes invalid characters for a local volume name"],
    ] as const)
      assert.throws(() => parseBind(spec), new RegExp(words), spec);
  });
  it("`parseMount()` refuses what does not belong to the type", () => {
    const refuse = (mount: object, words: RegExp) => assert.throws(() => parseMount(mount), words);
    refuse({ Type: "bind", Target: "/x" }, /invalid mount config for type "bind": field Source must not be empty/);
    refuse({ Type: "bind", Source: "/nowhere-at-all", Target: "/x" }, /bind source path does not exist: \/nowhere-at-all/);
    refuse({ Type: "volume", Source: "v" }, /field Target must not be empty/);
    refuse({ Type: "tmpfs", Source: "x", Target: "/x" }, /field Source must not be specified/);
    refuse({ Type: "volume", Source: "v", Target: "/x", VolumeOptions: { Subpath: "sub" } }, /VolumeOptions.Subpath is not supported/);
    refuse({ Type: "bind", Source: "/", Target: "/x", BindOptions: { ReadOnlyForceRecursive: true } }, /ReadOnlyForceRecursive is not/);
    refuse({ Type: "tmpfs", Target: "/x", TmpfsOptions: { Options: [["exec"]] } }, /TmpfsOptions.Options is not supported/);
    refuse({ Type: "npipe", Target: "/x" }, /mount type unknown/);
  });
  it("`planMounts()` lets the explicit win over volumes-from, and both over the image's", () => {
    const { mounts, volumes } = plan(
      { Volumes: { "/v": {}, "/own": {}, "/t": {} } },
      { VolumesFrom: ["c:ro"], Binds: ["/mine:/f"], Tmpfs: { "/t": "" } },
    );
    assert.deepEqual(
      mounts.map(({ Destination, Source, Name, RW }) => `${Destination} ${Name ?? Source} ${RW}`),
      ["/f /mine true", "/v v false", "/own anon1 true"],
    );
    assert.deepEqual(
      volumes.map(({ name }) => name),
      ["anon1"],
    );
  });
  it("`planMounts()` throws when a place is taken twice", () => {
    assert.throws(() => plan({}, { Binds: ["/a:/x", "/b:/x/"] }), /Duplicate mount point: \/x/);
    assert.throws(() => plan({}, { Binds: ["/a:/x"], Tmpfs: { "/x": "" } }), /Duplicate mount point: \/x/);
  });
});
