import assert from "node:assert/strict";
import { test } from "node:test";
import { listNumbers, refuseUnsupported } from "./unsupported.ts";

test("`refuseUnsupported()` takes what the docker CLI sends by itself, and every security option there is", () => {
  refuseUnsupported({});
  refuseUnsupported({ Isolation: "", DeviceRequests: null, StorageOpt: {}, SecurityOpt: null, CpusetCpus: "0", CpusetMems: "" });
  refuseUnsupported({
    Isolation: "default",
    SecurityOpt: [
      "seccomp=unconfined",
      'seccomp={"a":"b=c"}',
      "apparmor:x",
      "label=disable",
      "no-new-privileges",
      "no-new-privileges=false",
    ],
  });
});

test("`refuseUnsupported()` throws in Docker's words for what cannot be given", () => {
  const refused = (hostConfig: Parameters<typeof refuseUnsupported>[0], message: RegExp) =>
    assert.throws(() => refuseUnsupported(hostConfig), { category: "invalidParameter", message });
  refused({ Isolation: "hyperv" }, /Invalid isolation: "hyperv"/);
  refused({ DeviceRequests: [{ Capabilities: [["gpu", "x"], ["y"]] }] }, /device driver "" with capabilities: \[\[gpu x\] \[y\]\]/);
  refused({ StorageOpt: { size: "1G" } }, /--storage-opt is supported only/);
  refused({ SecurityOpt: ["bogus"] }, /invalid --security-opt 1: "bogus"/);
  refused({ SecurityOpt: ["bogus=1"] }, /invalid --security-opt 2: "bogus=1"/);
  refused({ SecurityOpt: ["no-new-privileges=perhaps"] }, /invalid --security-opt 2/);
  refused({ CpusetCpus: "0,9999" }, /Requested CPUs are not available - requested 0,9999, available: 0/);
  refused({ CpusetMems: "77" }, /Requested memory nodes are not available/);
  refused({ CpusetCpus: "a-b" }, /Invalid value a-b for cpuset cpus/);
});

test("`listNumbers()` reads lists and ranges, and stops before a range fills the memory", () => {
  assert.deepEqual(listNumbers("0-2,7"), [0, 1, 2, 7]);
  assert.equal(listNumbers("0-999999999")?.length, 8192);
  assert.equal(listNumbers("1,"), undefined);
});
