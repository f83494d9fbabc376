/** A small lab for the ruleset's traffic tests: the isolated test process is the host; containers and the outside are namespaces beside it. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { bytesToIp, canonicalIp, ipToBytes } from "#base";

export const run = (command: string): string =>
  execFileSync("sh", ["-ec", command], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
export const sysctl = (key: string, value: string): void => writeFileSync(`/proc/sys/${key}`, value);

export interface ContainerSpec {
  readonly bridge: string;
  readonly v4: string;
  readonly v6: string;
}

/** socat's `[2001:0db8:…]` and IPv4-mapped forms, canonical. */
function plain(address: string): string {
  const bare = canonicalIp(address.replaceAll(/[[\]]/g, ""));
  return bare.startsWith("::ffff:") ? bytesToIp(ipToBytes(bare).subarray(12)) : bare;
}

const inside = (host: string, command: string[]): string[] => (host === "host" ? command : ["ip", "netns", "exec", host, ...command]);

export class TrafficLab {
  readonly #servers: ChildProcess[] = [];
  readonly #awaited: { readonly host: string; readonly question: string[] }[] = [];

  /** `v4` and `v6` are the bridge's own addresses, as `10.1.0.1/24`. */
  bridge(name: string, v4: string, v6: string): void {
    run(
      `ip link add ${name} type bridge forward_delay 0 mcast_snooping 0; ip addr add ${v4} dev ${name}; ip -6 addr add ${v6} dev ${name} nodad; ip link set ${name} up`,
    );
    sysctl(`net/ipv4/conf/${name}/route_localnet`, "1");
  }

  /** A namespace on a bridge, its host end `v-<name>`, its default routes through the bridge. */
  container(name: string, { bridge, v4, v6 }: ContainerSpec): void {
    run(`ip netns add ${name}
      ip netns exec ${name} sysctl -qw net.ipv6.conf.default.accept_dad=0
      ip link add v-${name} type veth peer name eth0 netns ${name}
      ip link set v-${name} master ${bridge} up
      ip link set v-${name} type bridge_slave hairpin on
      ip -n ${name} link set lo up
      ip -n ${name} link set eth0 up
      ip -n ${name} addr add ${v4}/24 dev eth0
      ip -n ${name} -6 addr add ${v6}/64 dev eth0 nodad
      ip -n ${name} route add default via ${v4.replace(/\d+$/, "1")}
      ip -n ${name} -6 route add default via ${v6.replace(/:[^:]*$/, ":1")}`);
  }

  /** A machine on the other side of an uplink, with a route to everything through us. */
  outside(name: string, uplink: string, net: { ours4: string; theirs4: string; ours6: string; theirs6: string }): void {
    run(`ip netns add ${name}
      ip netns exec ${name} sysctl -qw net.ipv6.conf.default.accept_dad=0
      ip link add ${uplink} type veth peer name eth0 netns ${name}
      ip link set ${uplink} up; ip addr add ${net.ours4}/24 dev ${uplink}; ip -6 addr add ${net.ours6}/64 dev ${uplink} nodad
      ip -n ${name} link set lo up; ip -n ${name} link set eth0 up
      ip -n ${name} addr add ${net.theirs4}/24 dev eth0; ip -n ${name} -6 addr add ${net.theirs6}/64 dev eth0 nodad
      ip -n ${name} route add default via ${net.ours4}; ip -n ${name} -6 route add default via ${net.ours6}`);
  }

  /** Serves `name peer-address` on a port, on both families, until `close`. */
  serve(host: string, proto: "tcp" | "udp", port: number): void {
    const answer = `SYSTEM:read line; echo ${host} $SOCAT_PEERADDR`;
    const listen = proto === "tcp" ? "TCP6-LISTEN" : "UDP6-RECVFROM";
    // A datagram is an end of input too, after which socat gives the program half a second unless told otherwise.
    const [file, ...args] = inside(host, ["socat", "-t30", `${listen}:${port},fork,reuseaddr,ipv6only=0`, answer]);
    this.#servers.push(spawn(file!, args, { stdio: "ignore" }));
    this.#awaited.push({ host, question: ["ss", proto === "tcp" ? "-Hltn" : "-Hlun", `sport = :${port}`] });
  }

  /** Waits until every server listens. */
  async listening(): Promise<void> {
    for (const { host, question } of this.#awaited.splice(0)) {
      const [file, ...args] = inside(host, question);
      while (execFileSync(file!, args, { encoding: "utf8" }) === "") await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /**
   * What a server says to a client: `"a1 198.51.100.2"`, or `"blocked"` when no connection comes about in time, or no answer in three times that.
   * @param seconds to wait for: one where nothing is to come, more where a slow machine is no reason for `"blocked"`
   */
  ask(from: string, proto: "tcp" | "udp", address: string, port: number, seconds: number): Promise<string> {
    const target = address.includes(":") ? `${proto}6:[${address}]:${port}` : `${proto}4:${address}:${port}`;
    const wait = proto === "tcp" ? `,connect-timeout=${seconds}` : "";
    const [file, ...args] = inside(from, ["socat", `-T${3 * seconds}`, "-t0.1", "-", `${target}${wait}`]);
    return new Promise((resolve) => {
      const child = spawn(file!, args, { stdio: ["pipe", "pipe", "ignore"] });
      let text = "";
      child.stdout!.on("data", (data) => (text += data));
      // It may be refused, and gone, before it is asked.
      child.stdin!.on("error", () => {});
      // A close of stdin would end the socket before a slow answer came.
      child.stdin!.write("?\n");
      const timer = setTimeout(() => child.kill("SIGKILL"), 5000 * seconds);
      child.stdout!.once("data", () => child.stdin!.end());
      child.on("close", () => {
        clearTimeout(timer);
        const [server, client] = text.trim().split(/\s/);
        resolve(client ? `${server} ${plain(client)}` : "blocked");
      });
    });
  }

  ping(from: string, address: string): Promise<boolean> {
    const [file, ...args] = inside(from, ["ping", "-c1", "-W1", "-n", address]);
    return new Promise((resolve) => spawn(file!, args, { stdio: "ignore" }).on("close", (code) => resolve(code === 0)));
  }

  close(): void {
    for (const server of this.#servers) server.kill("SIGKILL");
  }
}
