import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { cidrContains, cidrOverlaps, FairwayError, parseCidr } from "#base";
import { Ipam, type NetworkRequest } from "./ipam.ts";
import { effectivePools, parseAddressPool } from "./pools.ts";
import { randomFrom } from "./testing.ts";

const ipamWith = (...pools: string[]) => new Ipam(effectivePools(pools.map(parseAddressPool), ""));
const container = (name: string) => ({ use: "container" as const, id: `id-${name}`, name });
const request = (name: string, rest: Partial<NetworkRequest> = {}): NetworkRequest => ({
  network: { id: `id-${name}`, name },
  ipv4: true,
  ipv6: false,
  config: [],
  gateway4: true,
  gateway6: true,
  sharesSubnets: false,
  ...rest,
});
const subnets = (ipam: Ipam, name: string, rest: Partial<NetworkRequest> = {}) =>
  ipam.allocateNetwork(request(name, rest)).map(({ subnet }) => subnet);
const fails = (code: string, category: string, message: string | RegExp) => (error: unknown) => {
  assert.ok(error instanceof FairwayError, String(error));
  assert.deepEqual([error.code, error.category], [code, category]);
  if (typeof message === "string") assert.equal(error.message, message);
  else assert.match(error.message, message);
  return true;
};

describe("choice of subnets", () => {
  it("`allocateNetwork()` goes from Docker's pools on to /24s, and reuses the lowest that was freed", () => {
    const ipam = ipamWith();
    const given = Array.from({ length: 300 }, (_, index) => subnets(ipam, `n${index}`)[0]);
    assert.deepEqual(
      [given[0], given[1], given[14], given[15], given[270], given[271]],
      ["172.17.0.0/16", "172.18.0.0/16", "172.31.0.0/16", "192.168.0.0/24", "192.168.255.0/24", "10.0.0.0/24"],
    );
    ipam.releaseNetwork("id-n20");
    ipam.releaseNetwork("id-n3");
    assert.deepEqual(
      [subnets(ipam, "x"), subnets(ipam, "y"), subnets(ipam, "z")],
      [["172.20.0.0/16"], ["192.168.5.0/24"], ["10.0.29.0/24"]],
    );
  });

  it("`setAvoided()` keeps chosen subnets off routes and nameservers, but not off default and VPN routes", () => {
    const ipam = ipamWith();
    ipam.setAvoided([
      "0.0.0.0/0",
      "0.0.0.0/1",
      "128.0.0.0/1",
      "::/0",
      "8000::/1",
      "172.17.4.0/24",
      "172.18.0.2",
      "172.20.0.0/14",
      "fd42:98fc:1c14::53",
    ]);
    assert.deepEqual(subnets(ipam, "a", { ipv6: true }), ["172.19.0.0/16", "fd42:98fc:1c14:1::/64"]);
    assert.deepEqual(subnets(ipam, "b"), ["172.24.0.0/16"]);
    ipam.setAvoided(["172.18.0.2"]);
    assert.deepEqual(subnets(ipam, "c"), ["172.17.0.0/16"]);
    assert.deepEqual(subnets(ipam, "d", { config: [{ subnet: "172.18.0.0/24" }] }), ["172.18.0.0/24"]);
  });

  it("`allocateNetwork()` takes an unspecified subnet for any of that size", () => {
    const ipam = ipamWith();
    assert.deepEqual(subnets(ipam, "a", { ipv6: true, config: [{ subnet: "0.0.0.0/28" }, { subnet: "::/80" }] }), [
      "172.17.0.0/28",
      "fd42:98fc:1c14::/80",
    ]);
    assert.deepEqual(subnets(ipam, "b"), ["172.18.0.0/16"]);
    assert.deepEqual(subnets(ipam, "c", { config: [{ subnet: "0.0.0.0/17" }] }), ["172.17.128.0/17"]);
    const gateway = { subnet: "0.0.0.0/28", gateway: "0.0.0.1" };
    assert.throws(() => subnets(ipam, "d", { config: [gateway] }), { code: "bad-ipam-config" });
    assert.throws(() => subnets(ipam, "d", { config: [{ subnet: "0.0.0.0/4" }] }), /no pool is as large as \/4/);
  });

  it("`allocateNetwork()` says who holds what when the pools are exhausted", () => {
    const ipam = ipamWith("base=10.1.0.0/23,size=24");
    ipam.setAvoided(["10.1.1.128/25", "192.0.2.0/24"]);
    subnets(ipam, "blue");
    const message =
      'all predefined address pools have been fully subnetted: 1 subnets are held by networks ("blue" 10.1.0.0/24), 1 prefixes are used by this host (10.1.1.128/25); remove unused networks with "docker network prune" or give a --subnet';
    assert.throws(() => subnets(ipam, "red"), fails("pools-exhausted", "invalidParameter", message));
    const v6only = ipamWith("base=fd00:1::/64,size=64");
    assert.throws(() => subnets(v6only, "red"), fails("pools-exhausted", "invalidParameter", /there is no IPv4 pool/));
  });

  it("`allocateNetwork()` names the network an explicit subnet overlaps with", () => {
    const ipam = ipamWith();
    subnets(ipam, "blue", { config: [{ subnet: "172.20.0.0/16" }] });
    for (const subnet of ["172.20.0.0/16", "172.20.5.0/24", "172.16.0.0/12"])
      assert.throws(
        () => subnets(ipam, "red", { config: [{ subnet }] }),
        fails(
          "pool-overlap",
          "forbidden",
          'invalid pool request: Pool overlaps with other one on this address space: 172.20.0.0/16 is used by network "blue"',
        ),
      );
    assert.deepEqual(subnets(ipam, "red", { config: [{ subnet: "172.21.0.0/16" }] }), ["172.21.0.0/16"]);
  });

  it("`allocateNetwork()` has a subnet of its own for each of 5,000 networks, in both families", () => {
    const ipam = ipamWith();
    const all = Array.from({ length: 5000 }, (_, index) => subnets(ipam, `n${index}`, { ipv6: true })).flat();
    assert.equal(all.length, 10_000);
    assert.equal(new Set(all).size, all.length);
  });
});

describe("a network's own addresses", () => {
  it("`allocateNetwork()` lists what the user named first, IPv4 before IPv6, then what was chosen", () => {
    const ipam = ipamWith();
    const config = [{ subnet: "fd99::/64" }, { subnet: "10.5.0.0/24" }, { subnet: "10.6.0.0/24" }];
    assert.deepEqual(subnets(ipam, "a", { ipv6: true, config }), ["10.5.0.0/24", "10.6.0.0/24", "fd99::/64"]);
    assert.deepEqual(subnets(ipam, "b", { ipv6: true, config: [{ subnet: "fd98::/64" }] }), ["fd98::/64", "172.17.0.0/16"]);
    assert.deepEqual(subnets(ipam, "c", { ipv4: false, ipv6: true, config: [{ subnet: "fd97::/64" }] }), ["fd97::/64"]);
    assert.deepEqual(subnets(ipam, "d", { config: [{ subnet: "fd96::/64" }] }), ["172.18.0.0/16"]);
  });

  it("`allocateNetwork()` takes the user's gateway, else the first free address of the range, else none when none is needed", () => {
    const ipam = ipamWith();
    const gateways = (name: string, config: NetworkRequest["config"], rest = {}) =>
      ipam.allocateNetwork(request(name, { config, ...rest })).map(({ gateway }) => gateway);
    assert.deepEqual(gateways("a", [{ subnet: "10.50.0.0/24" }]), ["10.50.0.1"]);
    assert.deepEqual(gateways("b", [{ subnet: "10.51.0.0/24", range: "10.51.0.128/25" }]), ["10.51.0.128"]);
    assert.deepEqual(gateways("c", [{ subnet: "10.52.0.0/24", gateway: "10.52.0.254" }]), ["10.52.0.254"]);
    assert.deepEqual(gateways("d", [{ subnet: "10.53.0.0/31" }]), ["10.53.0.0"]);
    assert.deepEqual(gateways("e", [{ subnet: "10.54.0.0/24" }], { gateway4: false }), [undefined]);
    assert.equal(ipam.allocateAddress("id-e", 4, container("x")).cidr, "10.54.0.1/24");
    assert.deepEqual(gateways("f", [{ subnet: "10.55.0.0/24", auxiliary: { first: "10.55.0.1" } }]), ["10.55.0.2"]);
  });

  it("`allocateNetwork()` gives everything back when a part of it fails", () => {
    const ipam = ipamWith();
    const own = { subnet: "10.60.0.0/24" };
    const attempt = (...config: NetworkRequest["config"]) => subnets(ipam, "a", { ipv6: true, config });
    assert.throws(() => attempt(own, { subnet: "10.60.0.128/25" }), { code: "pool-overlap" });
    assert.throws(
      () => attempt({ ...own, gateway: "10.60.0.0" }),
      fails(
        "address-in-use",
        "forbidden",
        "failed to allocate gateway (10.60.0.0): Address already in use: 10.60.0.0 is reserved in 10.60.0.0/24",
      ),
    );
    assert.throws(
      () => attempt({ ...own, gateway: "10.60.0.9", auxiliary: { ok: "10.60.0.8", printer: "10.60.0.9" } }),
      fails(
        "address-in-use",
        "forbidden",
        /^failed to allocate secondary ip address \(printer:10\.60\.0\.9\): Address already in use: .*gateway of network "a"/,
      ),
    );
    const none = { subnet: "10.61.0.0/31", auxiliary: { a: "10.61.0.0", b: "10.61.0.1" } };
    assert.throws(
      () => attempt(own, none),
      fails("addresses-exhausted", "internal", /^failed to allocate gateway \(\): No available addresses on this pool/),
    );
    assert.deepEqual(attempt(own), ["10.60.0.0/24", "fd42:98fc:1c14::/64"]);
    assert.equal(ipam.usage("id-a")[0]!.inUse, 3n);
  });
});

describe("containers' addresses", () => {
  it("`allocateAddress()` goes on to the next pool when one is full, then says so in Docker's words", () => {
    const ipam = ipamWith();
    ipam.allocateNetwork(request("p30", { config: [{ subnet: "10.7.0.0/30" }, { subnet: "10.8.0.0/30" }] }));
    assert.equal(ipam.allocateAddress("id-p30", 4, container("a")).cidr, "10.7.0.2/30");
    assert.equal(ipam.allocateAddress("id-p30", 4, container("b")).pool.gateway, "10.8.0.1");
    assert.throws(
      () => ipam.allocateAddress("id-p30", 4, container("c")),
      fails("addresses-exhausted", "internal", "no available IPv4 addresses on this network's address pools: p30 (id-p30)"),
    );
    ipam.releaseAddress("id-p30", "10.7.0.2", "id-b");
    assert.throws(() => ipam.allocateAddress("id-p30", 4, container("c")), { code: "addresses-exhausted" });
    ipam.releaseAddress("id-p30", "10.7.0.2", "id-a");
    assert.equal(ipam.allocateAddress("id-p30", 4, container("c")).address, "10.7.0.2");
  });

  it("`takeAddress()` takes a static address outside the range, and names the holder of a taken one", () => {
    const ipam = ipamWith();
    ipam.allocateNetwork(request("n", { config: [{ subnet: "10.9.0.0/24", range: "10.9.0.64/26" }] }));
    assert.equal(ipam.takeAddress("id-n", "10.9.0.5", container("db")).cidr, "10.9.0.5/24");
    assert.throws(
      () => ipam.takeAddress("id-n", "10.9.0.5", container("web")),
      fails("address-in-use", "forbidden", 'Address already in use: 10.9.0.5 is held by container "db"'),
    );
    assert.throws(
      () => ipam.takeAddress("id-n", "10.10.0.5", container("web")),
      fails("address-outside-subnet", "invalidParameter", "no configured subnet contains IP address 10.10.0.5"),
    );
    assert.deepEqual(ipam.usage("id-n"), [{ subnet: "10.9.0.0/24", family: 4, inUse: 4n, available: 63n }]);
  });

  it("`restoreNetwork()` and `takeAddress()` bring everything back as it was", () => {
    const before = ipamWith();
    const pools = before.allocateNetwork(request("n", { ipv6: true, config: [{ subnet: "10.9.0.0/24", auxiliary: { p: "10.9.0.3" } }] }));
    const taken = ([4, 6] as const).map((family) => before.allocateAddress("id-n", family, container("db")).address);
    const after = ipamWith();
    after.restoreNetwork({ id: "id-n", name: "n" }, JSON.parse(JSON.stringify(pools)), false);
    for (const address of taken) after.takeAddress("id-n", address, container("db"));
    assert.deepEqual(after.poolsOf("id-n"), pools);
    assert.deepEqual(after.usage("id-n"), before.usage("id-n"));
    for (const family of [4, 6] as const)
      assert.deepEqual(after.allocateAddress("id-n", family, container("x")), before.allocateAddress("id-n", family, container("x")));
    assert.throws(() => after.restoreNetwork({ id: "id-m", name: "m" }, pools, false), { code: "pool-overlap" });
  });

  it("`releaseNetwork()` is idempotent, and late releases of its addresses are ignored", () => {
    const ipam = ipamWith();
    subnets(ipam, "n");
    const { address } = ipam.allocateAddress("id-n", 4, container("db"));
    ipam.releaseNetwork("id-n");
    ipam.releaseNetwork("id-n");
    ipam.releaseAddress("id-n", address, "id-db");
    subnets(ipam, "m");
    assert.equal(ipam.allocateAddress("id-m", 4, container("x")).address, address);
    assert.throws(() => ipam.allocateAddress("id-n", 4, container("x")), { code: "network-not-found" });
  });
});

describe("subnets shared by networks of a LAN", () => {
  const lan = (name: string, range?: string, subnet = "192.168.1.0/24"): NetworkRequest =>
    request(name, { sharesSubnets: true, gateway4: false, config: [{ subnet, gateway: "192.168.1.1", ...(range && { range }) }] });

  it("`allocateNetwork()` allows it when the ranges are apart, with one gateway for both", () => {
    const ipam = ipamWith();
    ipam.allocateNetwork(lan("a", "192.168.1.64/26"));
    ipam.allocateNetwork(lan("b", "192.168.1.128/26"));
    assert.equal(ipam.allocateAddress("id-a", 4, container("x")).address, "192.168.1.64");
    assert.equal(ipam.allocateAddress("id-b", 4, container("y")).address, "192.168.1.128");
    assert.throws(() => ipam.takeAddress("id-b", "192.168.1.64", container("z")), /held by container "x"/);
    ipam.releaseNetwork("id-a");
    assert.throws(() => ipam.takeAddress("id-b", "192.168.1.1", container("z")), /gateway of network "b"/);
    assert.equal(ipam.takeAddress("id-b", "192.168.1.64", container("z")).address, "192.168.1.64");
  });

  it("`allocateNetwork()` refuses ranges that meet, another subnet across it, and networks that do not share", () => {
    const ipam = ipamWith();
    ipam.allocateNetwork(lan("a", "192.168.1.64/26"));
    assert.throws(() => ipam.allocateNetwork(lan("b", "192.168.1.0/25")), /"a"; networks can share it .* "a" has 192\.168\.1\.64\/26/);
    assert.throws(() => ipam.allocateNetwork(lan("b")), { code: "pool-overlap" });
    assert.throws(() => ipam.allocateNetwork(lan("b", "192.168.1.128/26", "192.168.0.0/16")), { code: "pool-overlap" });
    const bridge = { ...lan("b", "192.168.1.128/26"), sharesSubnets: false };
    assert.throws(() => ipam.allocateNetwork(bridge), { code: "pool-overlap" });
  });
});

it("agrees with naive lists through 3,000 random networks and containers", () => {
  const random = randomFrom(42);
  const ipam = ipamWith("base=10.0.0.0/22,size=27", "base=10.9.0.0/24,size=28");
  const bases = [parseCidr("10.0.0.0/22"), parseCidr("10.9.0.0/24")];
  const model = new Map<string, { subnet: string; gateway: string; addresses: Map<string, string> }>();
  const number = (address: string) => address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  const text = (value: number) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join(".");
  const isFree = (subnet: string) => [...model.values()].every((other) => !cidrOverlaps(parseCidr(other.subnet), parseCidr(subnet)));
  const firstFree = () => {
    for (const [index, size] of [27, 28].entries())
      for (let base = Number(bases[index]!.base); cidrContains(bases[index]!, parseCidr(`${text(base)}/${size}`)); base += 2 ** (32 - size))
        if (isFree(`${text(base)}/${size}`)) return `${text(base)}/${size}`;
    return undefined;
  };
  for (let round = 0; round < 3000; round++) {
    const ids = [...model.keys()];
    const id = ids[random(Math.max(1, ids.length))];
    const network = id === undefined ? undefined : model.get(id)!;
    const action = random(12);
    if (action < 3) {
      const explicit = random(3) === 0 ? `10.0.${random(4)}.${random(16) * 16}/28` : undefined;
      const wanted = explicit ?? firstFree();
      const name = `n${round}`;
      const make = () => ipam.allocateNetwork(request(name, { config: explicit ? [{ subnet: explicit }] : [] }));
      if (!wanted || !isFree(wanted)) assert.throws(make, { code: explicit ? "pool-overlap" : "pools-exhausted" });
      else {
        const gateway = text(number(wanted.split("/")[0]!) + 1);
        assert.deepEqual(make(), [{ family: 4, subnet: wanted, gateway, auxiliary: {} }]);
        model.set(`id-${name}`, { subnet: wanted, gateway, addresses: new Map([[gateway, "gateway"]]) });
      }
    } else if (!network || !id) continue;
    else if (action < 4) {
      ipam.releaseNetwork(id);
      model.delete(id);
    } else {
      const [base, size] = [number(network.subnet.split("/")[0]!), 2 ** (32 - Number(network.subnet.split("/")[1]))];
      const holder = container(`c${round}`);
      if (action < 9) {
        let lowest: string | undefined;
        for (let value = base + 1; value < base + size - 1 && !lowest; value++)
          if (!network.addresses.has(text(value))) lowest = text(value);
        if (!lowest) assert.throws(() => ipam.allocateAddress(id, 4, holder), { code: "addresses-exhausted" });
        else {
          assert.equal(ipam.allocateAddress(id, 4, holder).address, lowest);
          network.addresses.set(lowest, holder.id);
        }
      } else if (action < 10) {
        const offset = random(size);
        const address = text(base + offset);
        const free = offset > 0 && offset < size - 1 && !network.addresses.has(address);
        if (!free) assert.throws(() => ipam.takeAddress(id, address, holder), { code: "address-in-use" });
        else {
          ipam.takeAddress(id, address, holder);
          network.addresses.set(address, holder.id);
        }
      } else {
        const [address, holderId] = [...network.addresses][random(network.addresses.size)]!;
        if (address === network.gateway) continue;
        ipam.releaseAddress(id, address, holderId);
        network.addresses.delete(address);
      }
      assert.equal(ipam.usage(id)[0]!.inUse, BigInt(network.addresses.size + 2));
    }
  }
});
