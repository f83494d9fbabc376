import assert from "node:assert/strict";
import { test } from "node:test";
import { Lab } from "#lab";

const FAIRWAYD = new URL("../../bin/fairwayd", import.meta.url).pathname;
const HOST = "192.168.56.11";

/** A CA, and certificates of a server and a client signed by it, in a directory. */
const CERTIFICATES = `
  key="req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
  openssl $key -x509 -keyout ca.key -out ca.pem -subj "/CN=ca" -days 2
  for name in server client; do
    openssl $key -keyout $name.key -out $name.csr -subj "/CN=$name" -addext "subjectAltName=IP:${HOST}"
    openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -out $name.pem -days 2 -copy_extensions copy
  done
  mv client.pem cert.pem; mv client.key key.pem`;

test("-H tcp:// is for loopback, with a warning, and for everybody else with --tlsverify", async (t) => {
  const lab = await Lab.create({ hosts: ["host1"], outside: true });
  t.after(() => lab.dispose());
  const host = lab.host("host1");
  await host.startDaemon(["-H", "tcp://127.0.0.1:2375", "-H", "tcp://[::1]:2375"]);
  const over = (from: typeof host, address: string) =>
    from.exec(["curl", "-s", "-g", "-m", "4", `http://${address}/version`], { allowFailure: true });

  await t.test("the docker CLI works over it, and the log warns", async () => {
    await host.importBusybox();
    assert.equal(await host.dockerOutput("-H tcp://127.0.0.1:2375 run --rm busybox echo over tcp", { timeout: 30_000 }), "over tcp");
    assert.match((await over(host, "[::1]:2375")).stdout, /"ApiVersion"/);
    for (const address of ["127\\.0\\.0\\.1", "\\[?::1\\]?"])
      assert.match(host.daemon.log, new RegExp(`without TLS: every local user is root through it.*${address}`));
    assert.notEqual((await over(lab.outside, `${HOST}:2375`)).code, 0);
  });

  const run = (args: string) => host.exec(`timeout 20 ${FAIRWAYD} ${args}`, { allowFailure: true });
  const roots = `--data-root ${host.directory}/data/other --exec-root /run/other --pidfile /run/other.pid`;
  await t.test("any other address is refused, with --tls alone too", async () => {
    for (const [address, flags] of [
      [`tcp://${HOST}:2376`, ""],
      ["tcp://0.0.0.0:2376", ""],
      ["tcp://[::]:2376", ""],
      [`tcp://${HOST}:2376`, "--tls"],
    ]) {
      const { code, stderr } = await run(`-H ${address} ${flags} ${roots}`);
      assert.ok(code !== 0 && code !== 124, `${address} ${flags}: ${code}`);
      assert.match(stderr, /tls/i, `${address} ${flags}`);
    }
  });

  await t.test("--tlsverify lets those in who have a certificate", async () => {
    await host.daemon.stop();
    const keys = `${host.directory}/data/keys`;
    await host.sh(`mkdir ${keys}; cd ${keys}; ${CERTIFICATES}`);
    const files = ["--tlscacert", `${keys}/ca.pem`, "--tlscert", `${keys}/server.pem`, "--tlskey", `${keys}/server.key`];
    await host.startDaemon(["-H", `tcp://${HOST}:2376`, "--tlsverify", ...files]);
    const env = { DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: keys, DOCKER_HOST: `tcp://${HOST}:2376` };
    assert.equal(await host.dockerOutput("run --rm busybox echo over tls", { env, timeout: 30_000 }), "over tls");
    assert.equal(await host.dockerOutput("run -i --rm busybox cat", { env, input: "both ways", timeout: 30_000 }), "both ways");
    const asked = (url: string, options = "") =>
      lab.outside.exec(`curl -s -m 4 ${options} ${url}`, { allowFailure: true }).then(({ code }) => code);
    assert.notEqual(await asked(`http://${HOST}:2376/version`, "-f"), 0);
    assert.notEqual(await asked(`https://${HOST}:2376/version`, "-k"), 0, "a client without a certificate");
  });
});
