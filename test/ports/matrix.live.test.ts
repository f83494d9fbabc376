import assert from "node:assert/strict";
import { test } from "node:test";
import type { Host } from "#lab";
import { HOST, HOST6, portStage, until, web } from "./stage.ts";

/** The host's addresses, and its loopback's. */
const ADDRESSES = [HOST, HOST6, "127.0.0.1", "::1"] as const;
type Address = (typeof ADDRESSES)[number];
const V4: readonly Address[] = [HOST, "127.0.0.1"];
const V6: readonly Address[] = [HOST6, "::1"];

interface Form {
  readonly form: string;
  /** Ports of the container and of the host; undefined: `docker port` knows. */
  readonly ports: readonly (readonly [container: number, host: number | undefined])[];
  /** Where they answer. */
  readonly on: readonly Address[];
}

const TCP: readonly Form[] = [
  { form: "8080:80", ports: [[80, 8080]], on: ADDRESSES },
  {
    form: "83-84",
    ports: [
      [83, undefined],
      [84, undefined],
    ],
    on: ADDRESSES,
  },
  {
    form: "8100-8102:80-82/tcp",
    ports: [
      [80, 8100],
      [82, 8102],
    ],
    on: ADDRESSES,
  },
  { form: "8200-8210:80", ports: [[80, 8200]], on: ADDRESSES },
  {
    form: "9100-9101:9100-9101",
    ports: [
      [9100, 9100],
      [9101, 9101],
    ],
    on: ADDRESSES,
  },
  { form: "target=80,published=8301,protocol=tcp", ports: [[80, 8301]], on: ADDRESSES },
  { form: "0.0.0.0:8302:80", ports: [[80, 8302]], on: V4 },
  { form: "[::]:8303:80", ports: [[80, 8303]], on: V6 },
  { form: "127.0.0.1:8304:80", ports: [[80, 8304]], on: ["127.0.0.1"] },
  {
    form: "127.0.0.1:8400-8401:80-81",
    ports: [
      [80, 8400],
      [81, 8401],
    ],
    on: ["127.0.0.1"],
  },
  { form: "127.0.0.1::85", ports: [[85, undefined]], on: ["127.0.0.1"] },
  { form: "[::1]:8305:80", ports: [[80, 8305]], on: ["::1"] },
  { form: `${HOST}:8306:80`, ports: [[80, 8306]], on: [HOST] },
  { form: `[${HOST6}]:8307:80`, ports: [[80, 8307]], on: [HOST6] },
];
const UDP: readonly Form[] = [
  { form: "5353:53/udp", ports: [[53, 5353]], on: ADDRESSES },
  {
    form: "6000-6001:6000-6001/udp",
    ports: [
      [6000, 6000],
      [6001, 6001],
    ],
    on: ADDRESSES,
  },
  { form: "127.0.0.1:5354:53/udp", ports: [[53, 5354]], on: ["127.0.0.1"] },
  { form: "[::]:5355:53/udp", ports: [[53, 5355]], on: V6 },
];

test("each form of -p, from outside, the host, the container itself and a peer, by IPv4 and IPv6", async (t) => {
  const { host, outside, docker } = await portStage(t);
  await docker("network create --ipv6 both");
  await docker("run -d --name peer --network both busybox sleep 1000");
  const published = [...TCP, ...UDP].map(({ form }) => `-p ${form}`).join(" ");
  await docker(`run -d --name one --network both ${published} busybox ${web("one", 80, 81, 82, 83, 84, 85, 9100, 9101)}`);
  const [one, peer] = (await docker("inspect -f '{{.State.Pid}}' one peer")).split("\n").map((pid) => ["nsenter", "-t", pid, "-n"]);
  for (const port of [53, 6000, 6001]) host.spawn([...one!, "socat", `UDP6-RECVFROM:${port},ipv6only=0,fork`, `SYSTEM:echo udp ${port}`]);
  const clients: readonly { name: string; at: Host; inside: readonly string[]; to: readonly Address[] }[] = [
    { name: "outside", at: outside, inside: [], to: [HOST, HOST6] },
    { name: "the host", at: host, inside: [], to: ADDRESSES },
    { name: "the container", at: host, inside: one!, to: [HOST, HOST6] },
    { name: "a peer", at: host, inside: peer!, to: [HOST, HOST6] },
  ];
  const hostPort = async (port: number) => Number(/:(\d+)$/m.exec(await docker(`port one ${port}`))?.[1]);
  /** Asks a port at every address that each client has for the host, all at once. */
  const everywhere = (check: (ask: (argv: readonly string[]) => Promise<string>, address: Address, who: string) => Promise<void>) =>
    Promise.all(
      clients.flatMap(({ name, at, inside, to }) =>
        to.map((address) =>
          check(
            async (argv) => (await at.exec([...inside, ...argv], { allowFailure: true, input: "?" })).stdout.trim(),
            address,
            `${name} at ${address}`,
          ),
        ),
      ),
    );

  for (const { form, ports, on } of TCP)
    await t.test(form, async () => {
      for (const [container, given] of ports) {
        const port = given ?? (await hostPort(container));
        await everywhere(async (ask, address, who) => {
          const url = `http://${address.includes(":") ? `[${address}]` : address}:${port}/`;
          const answers = on.includes(address);
          assert.equal(await ask(["curl", "-s", "-g", "-m", answers ? "10" : "1", url]), answers ? "one" : "", `${who}, ${port}`);
        });
      }
    });
  for (const { form, ports, on } of UDP)
    await t.test(form, async () => {
      for (const [container, port] of ports)
        await everywhere(async (ask, address, who) => {
          const to = address.includes(":") ? `UDP6:[${address}]:${port}` : `UDP4:${address}:${port}`;
          const echo = () => ask(["socat", "-t", "1", "-", to]);
          if (on.includes(address)) await until(async () => (await echo()) === `udp ${container}`);
          else assert.equal(await echo(), "", `${who}, ${port}`);
        });
    });
});
