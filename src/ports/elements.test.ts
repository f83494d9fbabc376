import assert from "node:assert/strict";
import { it } from "node:test";
import { openElements, publishElements } from "./elements.ts";
import type { PublishedPort } from "./types.ts";

const port = (hostIp: string, hostPort: number, containerPort: number, count = 1, proto: "tcp" | "udp" = "tcp"): PublishedPort => ({
  proto,
  hostIp,
  hostPort,
  hostPortEnd: hostPort + count - 1,
  containerPort,
});
const both = { ipv4: "172.18.0.2", ipv6: "fd00::2" };
const brief = (elements: ReturnType<typeof publishElements>) =>
  elements.map(({ set, key, value }) => `${set} ${key.join(" . ")}${value ? ` : ${value.join(" . ")}` : ""}`);

it("`publishElements()` maps a port of each family, any address as the whole prefix", () => {
  assert.deepEqual(brief(publishElements([port("0.0.0.0", 8080, 80), port("::", 8080, 80), port("10.0.0.1", 53, 53)], both)), [
    "publish4 tcp . 0.0.0.0/0 . 8080 : 172.18.0.2 . 80",
    "publish6 tcp . ::/0 . 8080 : fd00::2 . 80",
    "publish4 tcp . 10.0.0.1 . 53 : 172.18.0.2 . 53",
  ]);
});

it("`publishElements()` maps a range that keeps its ports as one element, and a shifted one port by port", () => {
  assert.deepEqual(brief(publishElements([port("0.0.0.0", 8000, 8000, 11, "udp"), port("0.0.0.0", 9000, 90, 3)], both)), [
    "publish_range4 udp . 0.0.0.0/0 . 8000-8010 : 172.18.0.2",
    "publish4 tcp . 0.0.0.0/0 . 9000 : 172.18.0.2 . 90",
    "publish4 tcp . 0.0.0.0/0 . 9001 : 172.18.0.2 . 91",
    "publish4 tcp . 0.0.0.0/0 . 9002 : 172.18.0.2 . 92",
  ]);
});

it("`publishElements()` leaves out families without an address, and ports without a host port", () => {
  assert.deepEqual(publishElements([port("::", 8080, 80), { ...port("0.0.0.0", 0, 80) }], { ipv4: "172.18.0.2" }), []);
});

it("`openElements()` opens container ports, each once", () => {
  const ports = [port("0.0.0.0", 0, 80), port("::", 0, 80), port("0.0.0.0", 8080, 80), port("::", 9000, 90, 10, "udp")];
  assert.deepEqual(brief(openElements("br-1", ports, both)), [
    "open4 br-1 . tcp . 172.18.0.2 . 80",
    "open6 br-1 . tcp . fd00::2 . 80",
    "open4 br-1 . udp . 172.18.0.2 . 90-99",
    "open6 br-1 . udp . fd00::2 . 90-99",
  ]);
});
