import assert from "node:assert/strict";
import { it } from "node:test";
import { planPorts, routedPorts, validatePorts } from "./plan.ts";
import type { PortBinding, PortRequest } from "./types.ts";

const bind = (hostPort: string, hostIp = ""): PortBinding => ({ hostIp, hostPort });
const brief = ({ proto, containerPort, count, hostIps, host }: PortRequest) => {
  const want = host.kind === "exact" ? host.from : host.kind === "first" ? `${host.from}-${host.to}` : "*";
  return `${hostIps.join("+")} ${want}:${containerPort}x${count}/${proto}`;
};
const plan = (bindings: Record<string, PortBinding[] | null>, rest = {}) => planPorts({ bindings, ...rest }).map(brief);

it("`planPorts()` publishes on every address when a binding names none", () => {
  assert.deepEqual(plan({ "80/tcp": [bind("8080")] }), ["0.0.0.0+:: 8080:80x1/tcp"]);
  assert.deepEqual(plan({ "80/tcp": [bind("8080")] }, { ipv6: false }), ["0.0.0.0 8080:80x1/tcp"]);
  assert.deepEqual(plan({ "80/tcp": [bind("8080")] }, { defaultHostIp: "127.0.0.1" }), ["127.0.0.1 8080:80x1/tcp"]);
  assert.deepEqual(plan({ "80/tcp": [bind("8080", "0.0.0.0"), bind("8080", "::1")] }), ["0.0.0.0 8080:80x1/tcp", "::1 8080:80x1/tcp"]);
});

it("`planPorts()` takes an empty list for one ephemeral binding", () => {
  assert.deepEqual(plan({ "80/tcp": [], "81/tcp": null, "82/tcp": [bind("0")] }), [
    "0.0.0.0+:: *:80x1/tcp",
    "0.0.0.0+:: *:81x1/tcp",
    "0.0.0.0+:: *:82x1/tcp",
  ]);
});

it("`planPorts()` puts a range together again that the client took apart", () => {
  const bindings: Record<string, PortBinding[]> = {};
  for (let port = 8010; port >= 8000; port--) bindings[`${port}/udp`] = [bind(String(port))];
  bindings["8005/tcp"] = [bind("8005")];
  for (let port = 0; port < 3; port++) bindings[`${90 + port}/tcp`] = [bind(String(9000 + port), "10.0.0.1")];
  assert.deepEqual(plan(bindings).sort(), ["0.0.0.0+:: 8000:8000x11/udp", "0.0.0.0+:: 8005:8005x1/tcp", "10.0.0.1 9000:90x3/tcp"]);
});

it("`planPorts()` keeps apart what is no one range", () => {
  const bindings = { "80/tcp": [bind("8080")], "81/tcp": [bind("8082")], "82/tcp": [bind("8081")], "83/tcp": [bind("8083", "::")] };
  assert.equal(plan(bindings).length, 4);
});

it("`planPorts()` says a binding once that was said twice, and keeps two of one host port", () => {
  assert.deepEqual(plan({ "80/tcp": [bind("8080"), bind("8080")] }), ["0.0.0.0+:: 8080:80x1/tcp"]);
  assert.deepEqual(plan({ "80/tcp": [bind("8080")], "81/tcp": [bind("8080")] }).length, 2);
});

it("`planPorts()` takes a range as key when it is one to one, and refuses it otherwise", () => {
  assert.deepEqual(plan({ "80-89/udp": [bind("8000-8009")] }), ["0.0.0.0+:: 8000:80x10/udp"]);
  for (const hostPort of ["8080", "", "8000-8010"])
    assert.throws(() => plan({ "80-81/tcp": [bind(hostPort)] }), { message: 'invalid port specification: "80-81"' });
});

it("`planPorts()` serves exact ports before choices, and choices before ephemeral ones", () => {
  assert.deepEqual(plan({ "80/tcp": [bind("")], "81/tcp": [bind("8000-8001")], "82/tcp": [bind("8000")] }), [
    "0.0.0.0+:: 8000:82x1/tcp",
    "0.0.0.0+:: 8000-8001:81x1/tcp",
    "0.0.0.0+:: *:80x1/tcp",
  ]);
});

it("`planPorts()` publishes exposed ports that have no binding when all are to be", () => {
  const exposed = ["80/tcp", "443", "443/tcp", "9000-9001/udp"];
  assert.deepEqual(plan({ "80/tcp": [bind("8080")] }, { exposed }), ["0.0.0.0+:: 8080:80x1/tcp"]);
  assert.deepEqual(plan({ "80/tcp": [bind("8080")] }, { exposed, publishAll: true }), [
    "0.0.0.0+:: 8080:80x1/tcp",
    "0.0.0.0+:: *:443x1/tcp",
    "0.0.0.0+:: *:9000x1/udp",
    "0.0.0.0+:: *:9001x1/udp",
  ]);
});

it("`planPorts()` plans 16,384 bindings as one range", () => {
  const bindings: Record<string, PortBinding[]> = {};
  for (let port = 10000; port < 26384; port++) bindings[`${port}/udp`] = [bind(String(port))];
  assert.deepEqual(plan(bindings), ["0.0.0.0+:: 10000:10000x16384/udp"]);
});

it("`validatePorts()` refuses what cannot be planned, and bad exposed ports", () => {
  assert.throws(() => validatePorts({ bindings: { "80/tcp": [bind("70000")] } }), { message: 'invalid port specification: "70000"' });
  assert.throws(() => validatePorts({ bindings: { "80/tcp": [bind("80", "zz")] } }), { code: "bad-ip" });
  assert.throws(() => validatePorts({ bindings: {}, exposed: ["0/tcp"] }), { message: 'invalid port specification: "0"' });
});

it("`routedPorts()` opens each port once a routed family, with no host port", () => {
  const requests = planPorts({ bindings: { "80/tcp": [bind("8080"), bind("8081")], "90-99/udp": [bind("90-99", "::")] } });
  const port = (hostIp: string, proto: string, containerPort: number, count: number) => ({
    proto,
    hostIp,
    hostPort: 0,
    hostPortEnd: count - 1,
    containerPort,
  });
  assert.deepEqual(routedPorts(requests, [6]), [port("::", "tcp", 80, 1), port("::", "udp", 90, 10)]);
  assert.deepEqual(routedPorts(requests, [4]), [port("0.0.0.0", "tcp", 80, 1)]);
});
