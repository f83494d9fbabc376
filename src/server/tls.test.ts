import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Client } from "#api";
import { startFakeServer } from "./fakes/server.ts";

/** A CA and two certificates of it, by openssl; undefined where there is none. */
function certificates(directory: string): { ca: string; cert: string; key: string } | undefined {
  const at = (name: string) => join(directory, name);
  const openssl = (...words: string[]) => execFileSync("openssl", words, { stdio: "ignore", cwd: directory });
  const newKey = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  try {
    openssl(...newKey, "-x509", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test ca", "-days", "2");
    openssl(...newKey, "-keyout", "key.pem", "-out", "csr.pem", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1");
    openssl(
      "x509",
      "-req",
      "-in",
      "csr.pem",
      "-CA",
      "ca.pem",
      "-CAkey",
      "ca.key",
      "-out",
      "cert.pem",
      "-days",
      "2",
      "-copy_extensions",
      "copy",
    );
  } catch {
    return undefined;
  }
  const read = (name: string) => readFileSync(at(name), "utf8");
  return { ca: read("ca.pem"), cert: read("cert.pem"), key: read("key.pem") };
}

test("tcp with --tlsverify serves clients with a certificate of the CA and nobody else", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "fairway-tls-"));
  try {
    const pem = certificates(directory);
    if (!pem) return t.skip("no openssl to make certificates with");
    const fake = await startFakeServer({ tls: pem });
    try {
      const [host = ""] = await fake.server.listen(["tcp://127.0.0.1:0"]);
      assert.match(host, /^tcp:\/\/127\.0\.0\.1:\d+$/);
      const known = new Client({ host, tls: pem });
      assert.equal((await known.call("version")).Platform.Name, "Fairway");
      const { Id } = await known.call("containerCreate", { body: { Image: "x", Cmd: ["echo", "hi"], Tty: true } });
      await known.call("containerStart", { params: { id: Id } });
      const { socket } = await known.hijack("containerAttach", { params: { id: Id }, query: { stdout: true, stream: true } });
      assert.equal(Buffer.concat(await Array.fromAsync(socket)).toString(), "hi\n");
      known.close();
      const stranger = new Client({ host, tls: { ca: pem.ca } });
      await assert.rejects(stranger.call("version"), { code: "no-daemon" });
      stranger.close();
      const plain = new Client({ host });
      await assert.rejects(plain.call("version"));
      plain.close();
    } finally {
      await fake.close();
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
