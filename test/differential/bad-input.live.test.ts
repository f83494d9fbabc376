import assert from "node:assert/strict";
import { connect } from "node:net";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, it } from "node:test";
import { type Host, Lab, leaked } from "#lab";
import type { Answer } from "./operation.ts";
import { Random } from "./random.ts";
import { Side } from "./side.ts";

/** What a client may get wrong, against a live daemon with everything behind it: a clear 4xx, the daemon unharmed, nothing left behind. */

const SLEEP = { Image: "busybox:latest", Cmd: ["sleep", "1000"] };
const LONG = "a".repeat(300);
const MEGABYTE = 1 << 20;

interface Case {
  readonly what: string;
  readonly request: readonly [method: string, path: string, body?: unknown];
  readonly status: number;
  readonly says: RegExp;
}

const network = (what: string, body: unknown, status: number, says: RegExp): Case => ({
  what,
  request: ["POST", "/networks/create", body],
  status,
  says,
});
const container = (what: string, body: unknown, status: number, says: RegExp, name = "odd"): Case => ({
  what,
  request: ["POST", `/containers/create?name=${encodeURIComponent(name)}`, body],
  status,
  says,
});
const subnet = (config: unknown) => ({ Name: "odd", IPAM: { Config: config } });

/** Sent as they are, in place of JSON. */
const NOT_JSON = [
  '{"Name":',
  '{"Name":"x"}}',
  "[]",
  '"x"',
  "7",
  "\u0000",
  "{'Name':'x'}",
  "<xml/>",
  `{"Name":"${"[".repeat(1000)}`,
  "[".repeat(100_000),
];

const CASES: readonly Case[] = [
  network("a name of another type", { Name: 7 }, 400, /unmarshal number .*Name of type string/),
  network("labels as a list", { Name: "odd", Labels: ["a"] }, 400, /unmarshal array .*Labels/),
  network("a number that is none", { Name: "odd", Internal: "yes" }, 400, /unmarshal string .*Internal/),
  network("an empty name", { Name: "" }, 400, /name is empty/),
  network("a predefined name", { Name: "host" }, 403, /predefined/),
  network("a name that is taken", { Name: "kept" }, 409, /network with name kept already exists/),
  network("an unknown driver", { Name: "odd", Driver: "nosuch" }, 404, /plugin "nosuch" not found/),
  network("an unknown IPAM driver", { Name: "odd", IPAM: { Driver: "nosuch" } }, 404, /plugin "nosuch" not found/),
  network("a subnet that is none", subnet([{ Subnet: "10.1.2.3.4/24" }]), 400, /invalid subnet/),
  network("a subnet with host bits", subnet([{ Subnet: "10.1.2.3/24" }]), 400, /it should be 10\.1\.2\.0\/24/),
  network("a gateway outside", subnet([{ Subnet: "10.1.2.0/24", Gateway: "10.9.9.9" }]), 400, /doesn't contain this address/),
  network("a range outside", subnet([{ Subnet: "10.1.2.0/24", IPRange: "10.9.9.0/28" }]), 400, /ip-range/),
  network("a subnet that is another's", subnet([{ Subnet: "10.77.0.0/25" }]), 403, /overlaps .*"kept"/),
  network("two subnets that overlap", subnet([{ Subnet: "10.1.0.0/16" }, { Subnet: "10.1.2.0/24" }]), 403, /overlap|multiple subnets/),
  network("two subnets", subnet([{ Subnet: "10.1.0.0/24" }, { Subnet: "10.2.0.0/24" }]), 403, /multiple subnets/),
  network("a bridge name of 16 characters", { Name: "odd", Options: { "com.docker.network.bridge.name": "b".repeat(16) } }, 400, /15/),
  network("a bridge name with a slash", { Name: "odd", Options: { "com.docker.network.bridge.name": "a/b" } }, 400, /a\/b/),
  network("a bridge that is another's", { Name: "odd", Options: { "com.docker.network.bridge.name": "docker0" } }, 403, /docker0/),
  network("the host's own interface", { Name: "odd", Options: { "com.docker.network.bridge.name": "eth0" } }, 400, /eth0/),
  network("an MTU that is none", { Name: "odd", Options: { "com.docker.network.driver.mtu": "huge" } }, 400, /mtu/i),
  network("a negative MTU", { Name: "odd", Options: { "com.docker.network.driver.mtu": "-1" } }, 400, /MTU/i),
  network("a flag that is none", { Name: "odd", Options: { "com.docker.network.bridge.enable_icc": "perhaps" } }, 400, /ParseBool/),
  network("a configuration that is not there", { Name: "odd", ConfigFrom: { Network: "nosuch" } }, 404, /configuration network "nosuch"/),
  { what: "a network that is not there", request: ["GET", "/networks/nosuch"], status: 404, says: /network nosuch not found/ },
  { what: "removing it", request: ["DELETE", "/networks/nosuch"], status: 404, says: /network nosuch not found/ },
  { what: "a network in use", request: ["DELETE", "/networks/kept"], status: 403, says: /active endpoints/ },
  { what: "a predefined network", request: ["DELETE", "/networks/bridge"], status: 403, says: /pre-defined/ },
  {
    what: "a unicode network",
    request: ["GET", `/networks/${encodeURIComponent("нет-такой-сети-💥")}`],
    status: 404,
    says: /нет-такой-сети-💥 not found/,
  },
  {
    what: "a connect without a container",
    request: ["POST", "/networks/kept/connect", {}],
    status: 400,
    says: /invalid container name or ID/,
  },
  {
    what: "a connect of nobody",
    request: ["POST", "/networks/kept/connect", { Container: "nosuch" }],
    status: 404,
    says: /No such container/,
  },
  {
    what: "a second connect",
    request: ["POST", "/networks/kept/connect", { Container: "kept" }],
    status: 403,
    says: /already exists in network kept/,
  },
  {
    what: "an address outside",
    request: ["POST", "/networks/spare/connect", { Container: "kept", EndpointConfig: { IPAMConfig: { IPv4Address: "10.9.9.9" } } }],
    status: 400,
    says: /no configured subnet contains IP address 10\.9\.9\.9/,
  },
  {
    what: "an address that is the gateway's",
    request: ["POST", "/networks/spare/connect", { Container: "kept", EndpointConfig: { IPAMConfig: { IPv4Address: "10.78.0.1" } } }],
    status: 403,
    says: /Address already in use/,
  },
  {
    what: "an interface name of 16 characters",
    request: [
      "POST",
      "/networks/spare/connect",
      { Container: "kept", EndpointConfig: { DriverOpts: { "com.docker.network.endpoint.ifname": "i".repeat(16) } } },
    ],
    status: 400,
    says: /15|too long/,
  },
  {
    what: "unknown filters",
    request: ["GET", "/networks?filters=%7B%22bogus%22%3A%5B%221%22%5D%7D"],
    status: 400,
    says: /invalid filter 'bogus'/,
  },
  { what: "filters that are no JSON", request: ["GET", "/networks?filters=nojson"], status: 400, says: /invalid/ },
  container("no body at all", undefined, 400, /empty|EOF|Content-Type/i),
  container("an empty object", {}, 400, /empty/),
  container("no image", { Cmd: ["x"] }, 400, /image/i),
  container("an image that is not there", { Image: "nosuch:latest" }, 404, /No such image: nosuch:latest/),
  container("a command of another type", { Image: "busybox", Cmd: { a: 1 } }, 400, /unmarshal object .*Cmd/),
  container("an environment of another type", { Image: "busybox", Env: "A=1" }, 400, /unmarshal string .*Env/),
  container("a bad name", SLEEP, 400, /Invalid container name \(bad name\)/, "bad name"),
  container("a unicode name", SLEEP, 400, /Invalid container name \(контейнер\)/, "контейнер"),
  container("a name that is taken", SLEEP, 409, /"\/kept" is already in use/, "kept"),
  container("two modes at once", { ...SLEEP, Hostname: "x", HostConfig: { NetworkMode: "container:kept" } }, 400, /conflicting options/),
  container("a port above all", { ...SLEEP, HostConfig: { PortBindings: { "80/tcp": [{ HostPort: "99999" }] } } }, 400, /99999/),
  container("a capability that is none", { ...SLEEP, HostConfig: { CapAdd: ["NO_SUCH"] } }, 400, /NO_SUCH/),
  container("little memory", { ...SLEEP, HostConfig: { Memory: 1 } }, 400, /6MB/),
  container("a restart policy that is none", { ...SLEEP, HostConfig: { RestartPolicy: { Name: "x" } } }, 400, /restart policy/),
  container(
    "a bind of nothing",
    { ...SLEEP, HostConfig: { Mounts: [{ Type: "bind", Source: "/nosuch", Target: "/x" }] } },
    400,
    /does not exist/,
  ),
  container(
    "an address outside",
    {
      ...SLEEP,
      HostConfig: { NetworkMode: "kept" },
      NetworkingConfig: { EndpointsConfig: { kept: { IPAMConfig: { IPv4Address: "10.9.9.9" } } } },
    },
    400,
    /no configured subnet contains IP address/,
  ),
  { what: "a container that is not there", request: ["GET", "/containers/nosuch/json"], status: 404, says: /No such container: nosuch/ },
  { what: "a very long name", request: ["GET", `/containers/${LONG}/json`], status: 404, says: /No such container/ },
  { what: "starting nobody", request: ["POST", "/containers/nosuch/start"], status: 404, says: /No such container/ },
  { what: "a signal that is none", request: ["POST", "/containers/kept/kill?signal=NOPE"], status: 400, says: /Invalid signal: NOPE/ },
  { what: "a running container's removal", request: ["DELETE", "/containers/kept"], status: 409, says: /container is running/ },
  { what: "a taken name", request: ["POST", "/containers/kept/rename?name=other"], status: 409, says: /already in use/ },
  { what: "an exec of nothing", request: ["POST", "/containers/kept/exec", { Cmd: [] }], status: 400, says: /no exec command/i },
  { what: "an exec that is not there", request: ["POST", "/exec/nosuch/start", {}], status: 404, says: /No such exec/ },
  { what: "an unknown path", request: ["GET", "/nosuch"], status: 404, says: /page not found/ },
  { what: "a wrong method", request: ["DELETE", "/containers/json"], status: 404, says: /No such container|not/ },
];

describe("bad input, against a live fairwayd", () => {
  let lab: Lab;
  let host: Host;
  let side: Side;
  let before_: Awaited<ReturnType<typeof snapshot>>;

  before(async () => {
    lab = await Lab.create({ hosts: ["host1"] });
    host = lab.host("host1");
    await host.startDaemon();
    await host.importBusybox();
    side = new Side("ours", host.socket);
    for (const [name, third] of [
      ["kept", 77],
      ["spare", 78],
    ]) {
      const made = await post("/networks/create", { Name: name, IPAM: { Config: [{ Subnet: `10.${third}.0.0/24` }] } });
      assert.equal(made.status, 201);
    }
    const bindings = { PortBindings: { "80/tcp": [{ HostPort: "8080" }] } };
    for (const name of ["kept", "other"]) {
      const body = { ...SLEEP, ExposedPorts: { "80/tcp": {} }, HostConfig: { NetworkMode: "kept", ...(name === "kept" ? bindings : {}) } };
      assert.equal((await post(`/containers/create?name=${name}`, body)).status, 201);
    }
    assert.equal((await post("/containers/kept/start")).status, 204);
    before_ = await snapshot();
  });
  after(() => lab?.dispose());

  const post = (path: string, body?: unknown): Promise<Answer> =>
    side.call("POST", path, body === undefined ? undefined : JSON.stringify(body));

  /** Kernel, disk and records, to compare. */
  async function snapshot() {
    // The data root is a mount of the host's: what is in it is seen from here as a copy.
    const copy = `${host.directory}/copy`;
    await host.sh(`rm -rf ${copy} && mkdir ${copy} && cp ${host.directory}/data/fairway/fairway.db* ${copy}`);
    const store = new DatabaseSync(`${copy}/fairway.db`);
    const rows = store.prepare("select key from record order by key").all();
    const keys = rows.map(({ key }) => String(key));
    store.close();
    const files = (await host.sh(`find ${host.directory}/data/fairway /run/fairway -not -name '*.db-*' -not -name '*.log' | sort`)).split(
      "\n",
    );
    return { state: await host.state(), keys, files };
  }

  /** The daemon serves, what was there is there and runs, and there is nothing else. */
  async function unharmed(): Promise<void> {
    const ping = await side.call("GET", "/_ping");
    assert.equal(ping.status, 200);
    const kept = (await side.call("GET", "/containers/kept/json")).body as { State: { Running: boolean } };
    assert.equal(kept.State.Running, true);
    let after: Awaited<ReturnType<typeof snapshot>>;
    for (let tries = 0; ; tries++) {
      after = await snapshot();
      const same = leaked(before_.state, after.state).length === 0 && after.keys.length === before_.keys.length;
      if (same || tries === 20) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.deepEqual(leaked(before_.state, after.state), []);
    assert.deepEqual(leaked(after.state, before_.state), []);
    assert.deepEqual(after.keys, before_.keys);
    assert.deepEqual(after.files, before_.files);
    assert.ok(host.daemon.running);
  }

  it("what is wrong is refused with a 4xx that says what", async (t) => {
    for (const { what, request, status, says } of CASES) {
      await t.test(`${request[0]} ${request[1].slice(0, 40)}: ${what}`, async () => {
        const [method, path, body] = request;
        const answer = await side.call(method, path, body === undefined ? undefined : JSON.stringify(body));
        const { message } = (answer.body ?? {}) as { message?: string };
        assert.equal(answer.status, status, message ?? "no message");
        assert.match(message ?? "", says);
      });
    }
    await unharmed();
  });

  it("what is no JSON, and bodies of 10 MB, are refused", async () => {
    for (const path of ["/networks/create", "/containers/create", "/networks/kept/connect", "/containers/kept/exec"]) {
      for (const text of NOT_JSON) {
        const answer = await side.call("POST", path, text);
        assert.equal(answer.status, 400, `${path} ${text.slice(0, 40)}: ${JSON.stringify(answer.body)}`);
      }
      const large = JSON.stringify({ Name: "odd", Image: "busybox", Labels: { a: "x".repeat(10 * MEGABYTE) } });
      const answer = await side.call("POST", path, large);
      assert.ok(answer.status === 400 || answer.status === 413, `${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
      assert.match((answer.body as { message: string }).message, /too large/);
    }
    await unharmed();
  });

  it("ambiguous prefixes are refused, and nobody is chosen", async () => {
    const made: string[] = [];
    for (let index = 0; index < 17; index++) {
      const { body } = await post("/networks/create", { Name: `many${index}`, ConfigOnly: true });
      made.push((body as { Id: string }).Id);
    }
    const digits = made.map((id) => id[0]!);
    const prefix = digits.find((digit, index) => digits.indexOf(digit) !== index)!;
    for (const [method, path, body] of [
      ["GET", `/networks/${prefix}`],
      ["DELETE", `/networks/${prefix}`],
      ["POST", `/networks/${prefix}/connect`, { Container: "kept" }],
      ["POST", `/networks/${prefix}/disconnect`, { Container: "kept" }],
    ] as const) {
      const answer = await side.call(method, path, body && JSON.stringify(body));
      assert.equal(answer.status, 400, `${method} ${path}`);
      assert.match((answer.body as { message: string }).message, /ambiguous \(\d+ matches found based on ID prefix\)/);
    }
    for (const id of made) assert.equal((await side.call("DELETE", `/networks/${id}`)).status, 204);
    await unharmed();
  });

  it("connections half closed, cut off, slow or of no HTTP harm nobody", async () => {
    const random = new Random(5);
    const whole = (length: number, body: string, path = "/networks/create") =>
      `POST /v1.41${path} HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${body}`;
    const cut = '{"Name":"cut","IPAM":{"Config":[{"Subnet":"10.99.0.0/24"}]}';
    const attacks: [bytes: string | Buffer, way: "end" | "destroy"][] = [
      ["", "end"],
      ["GET /_ping HTTP/1.1\r\n", "end"],
      [whole(1000, cut), "end"],
      [whole(1000, cut), "destroy"],
      [whole(-1, cut), "end"],
      [`POST /v1.41/images/load HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n${"x".repeat(512)}`, "destroy"],
      [`POST /v1.41/images/create?fromSrc=-&repo=cut HTTP/1.1\r\nHost: d\r\nContent-Length: 100000\r\n\r\n${"x".repeat(512)}`, "destroy"],
      [`PUT /v1.41/containers/kept/archive?path=/tmp HTTP/1.1\r\nHost: d\r\nContent-Length: 100000\r\n\r\n${"x".repeat(512)}`, "destroy"],
      [
        "POST /v1.41/containers/kept/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
        "destroy",
      ],
      ["GET /v1.41/events HTTP/1.1\r\nHost: d\r\n\r\n", "destroy"],
      ["GET /v1.41/containers/kept/logs?follow=1&stdout=1 HTTP/1.1\r\nHost: d\r\n\r\n", "end"],
      ["POST /v1.41/containers/kept/wait HTTP/1.1\r\nHost: d\r\n\r\n", "destroy"],
      ...Array.from({ length: 100 }, (): [Buffer, "end" | "destroy"] => {
        const bytes = Buffer.from(whole(cut.length, cut)).subarray(0, random.below(150));
        for (let flips = random.below(4); flips > 0 && bytes.length > 0; flips--) bytes[random.below(bytes.length)] = random.below(256);
        return [bytes, random.pick(["end", "destroy"])];
      }),
    ];
    for (const [bytes, way] of attacks) {
      await new Promise<void>((resolve) => {
        const socket = connect(host.socket, () => (way === "end" ? socket.end(bytes) : socket.write(bytes)));
        socket
          .on("error", () => {})
          .on("close", () => resolve())
          .resume();
        setTimeout(() => socket.destroy(), 30);
      });
    }
    await unharmed();
  });

  it("a hundred requests of junk at once are answered, and never with a 5xx of an unknown cause", async () => {
    const random = new Random(9);
    const scalars = [null, true, 0, -1, 1e21, 0.5, "", "x", "..", "\u0000", "💥", LONG];
    const keys =
      "Name Image Cmd Env HostConfig NetworkMode PortBindings 80/tcp NetworkingConfig EndpointsConfig IPAM Config Subnet __proto__ Container".split(
        " ",
      );
    const junk = (depth: number): unknown => {
      if (depth > 4 || random.chance(0.5)) return random.pick(scalars);
      const size = 1 + random.below(3);
      if (random.chance(0.3)) return Array.from({ length: size }, () => junk(depth + 1));
      return Object.fromEntries(Array.from({ length: size }, () => [random.pick(keys), junk(depth + 1)]));
    };
    const paths = [
      "/networks/create",
      "/containers/create?name=odd",
      "/networks/spare/connect",
      "/networks/spare/disconnect",
      "/containers/other/exec",
      "/containers/other/update",
    ];
    const requests = Array.from(
      { length: 100 },
      () => [random.pick(paths), JSON.stringify({ ...(junk(1) as object), Odd: junk(1) })] as const,
    );
    const answers = await Promise.all(requests.map(([path, text]) => side.call("POST", path, text)));
    for (const [index, { status, body }] of answers.entries()) {
      const [path, text] = requests[index]!;
      assert.ok(status < 500 || status === 501, `${path} ${text}: ${status} ${JSON.stringify(body)}`);
      const { Id } = (body ?? {}) as { Id?: string };
      if (status === 201 && path.startsWith("/networks")) await side.call("DELETE", `/networks/${Id}`);
      if (status === 201 && path.startsWith("/containers/create")) await side.call("DELETE", `/containers/${Id}?force=1`);
    }
    await unharmed();
  });
});
