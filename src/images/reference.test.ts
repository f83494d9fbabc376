import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalText, familiarText, joinReference, parseImageName, withDefaultTag } from "./reference.ts";

const HEX = "b0b0d8e4f89c2ab3657032a41f83dc6ff456ef947bdb2bf640c3f151afa9c1c6";

test("`parseImageName()` normalises names when they are short", () => {
  const rows: readonly [string, string, string][] = [
    ["busybox", "docker.io/library/busybox:latest", "busybox:latest"],
    ["docker.io/busybox:1", "docker.io/library/busybox:1", "busybox:1"],
    ["index.docker.io/library/busybox:1", "docker.io/library/busybox:1", "busybox:1"],
    ["user/app", "docker.io/user/app:latest", "user/app:latest"],
    ["library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest"],
    ["localhost/a", "localhost/a:latest", "localhost/a:latest"],
    ["Host/a", "Host/a:latest", "Host/a:latest"],
    ["reg.example:5000/a/b:v1.0_x-y", "reg.example:5000/a/b:v1.0_x-y", "reg.example:5000/a/b:v1.0_x-y"],
    ["[2001:db8::1]:5000/a", "[2001:db8::1]:5000/a:latest", "[2001:db8::1]:5000/a:latest"],
    [`a@sha256:${HEX}`, `docker.io/library/a@sha256:${HEX}`, `a@sha256:${HEX}`],
    [`a:t@sha256:${HEX}`, `docker.io/library/a:t@sha256:${HEX}`, `a:t@sha256:${HEX}`],
    ["a__b.c---d", "docker.io/library/a__b.c---d:latest", "a__b.c---d:latest"],
  ];
  for (const [given, canonical, familiar] of rows) {
    const name = withDefaultTag(parseImageName(given));
    assert.equal(canonicalText(name), canonical);
    assert.equal(familiarText(name), familiar);
    assert.deepEqual(parseImageName(canonical), name, "canonical text reads back as itself");
  }
});

test("`parseImageName()` refuses with docker's words when the name is malformed", () => {
  const refused: readonly [string, RegExp][] = [
    ["Foo", /^invalid reference format: repository name must be lowercase$/],
    ["", /^invalid reference format$/],
    ["foo:", /^invalid reference format$/],
    ["a:b:c", /^invalid reference format$/],
    ["a/b:", /^invalid reference format$/],
    ["-a", /^invalid reference format$/],
    ["a..b", /^invalid reference format$/],
    ["a b", /^invalid reference format$/],
    ["a\nb", /^invalid reference format$/],
    ["é", /^invalid reference format$/],
    [`a:${"t".repeat(129)}`, /^invalid reference format$/],
    ["x@sha256:aa", /^invalid reference format$/],
    [HEX, /cannot specify 64-byte hexadecimal strings/],
    ["a".repeat(256), /must not be more than 255 characters/],
    [`a@sha256:${HEX.slice(0, 40)}`, /invalid checksum digest length/],
    [`a@md5:${HEX.slice(0, 32)}`, /unsupported digest algorithm/],
  ];
  for (const [given, message] of refused) assert.throws(() => parseImageName(given), { category: "invalidParameter", message }, given);
});

test("`joinReference()` takes tag or digest apart from the name when the API gives two", () => {
  assert.equal(familiarText(joinReference("a", "")), "a:latest");
  assert.equal(familiarText(joinReference("a", "1")), "a:1");
  assert.equal(familiarText(joinReference("a:old", "1")), "a:1");
  assert.equal(familiarText(joinReference("a", `sha256:${HEX}`)), `a@sha256:${HEX}`);
  assert.throws(() => joinReference("a", "b c"), { message: "invalid tag format" });
});
