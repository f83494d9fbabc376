import assert from "node:assert/strict";
import { test } from "node:test";
import { checkPlatform } from "./platform.ts";
import { makeTar, streamOf, testImages } from "./testing.ts";

test("`checkPlatform()` lets an image run as what it is, and throws for another platform", async () => {
  await using here = await testImages();
  const id = await here.images.importTar(streamOf(makeTar([{ name: "f", content: "x" }])), {});
  const image = { ...here.images.find(id), architecture: "amd64" };
  for (const fits of ["linux", "linux/amd64", "linux/x86_64", "Linux/amd64/v2"]) checkPlatform(image, "x", fits);
  for (const other of ["linux/arm64", "windows/amd64"])
    assert.throws(() => checkPlatform(image, "x", other), {
      category: "notFound",
      message: /its platform \(linux\/amd64\) does not match/,
    });
});
