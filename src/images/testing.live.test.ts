import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { buildBusyboxTar, streamOf, testImages } from "./testing.ts";

test("`buildBusyboxTar()` makes a root filesystem that runs, the same bytes each time", async () => {
  await using here = await testImages();
  const tar = await buildBusyboxTar();
  assert.ok(tar.equals(await buildBusyboxTar()));
  const id = await here.images.importTar(streamOf(tar), { repository: "busybox", changes: ['CMD ["sh"]'] });
  const [root = ""] = here.images.lowerDirs(id);
  const script =
    "id -un; grep -c . /etc/group; for tool in ip ping nc httpd wget nslookup traceroute arping udhcpc ps; do command -v $tool >/dev/null || echo no $tool; done; stat -c %a /tmp";
  assert.equal(
    execFileSync("chroot", [root, "/bin/sh", "-c", script], { encoding: "utf8", env: { PATH: "/bin:/usr/sbin" } }),
    "root\n13\n1777\n",
  );
});
