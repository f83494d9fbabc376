import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { containerEnd, type End, type Host, hostEnd, Lab, pingMatrix } from "#lab";
import { addressFlags, addressOf, FAMILIES, type Family, LAN_SUBNETS, parseStations, type Station } from "./reach.ts";
import { startEngine } from "./stage.ts";

/** Two hosts with daemons and the busybox image on one switch: h1 is 192.168.56.11 and fd56::11, h2 is .12 and ::12. */
export interface LanStage {
  readonly lab: Lab;
  readonly h1: Host;
  readonly h2: Host;
  /** The host of a station: h1 for h1, c11 and c12. */
  hostOf(station: Station): Host;
  /** Makes network `lan` on both hosts, with the LAN's subnets. */
  createLan(driver: string, options: string): Promise<void>;
  /** Runs the containers on network `lan`, each with its addresses. */
  run(...containers: Station[]): Promise<void>;
  /** Removes the containers and the network everywhere. */
  clear(): Promise<void>;
  /** Pings every pair of the grid's stations in both families and compares cell by cell. @throws AssertionError with the whole grid */
  reach(expected: string, what?: string, families?: readonly Family[]): Promise<void>;
  dockerFails(host: Host, args: string): Promise<string>;
}

export async function lanStage(t: TestContext, options: { flags?: readonly string[] } = {}): Promise<LanStage> {
  const lab = await Lab.create({ hosts: ["h1", "h2"] });
  const [h1, h2] = [lab.host("h1"), lab.host("h2")];
  t.after(() => {
    const log = process.env.LAB_LOG ? `${h1.daemon.log}\n${h2.daemon.log}` : "";
    lab.dispose();
    if (log) process.stderr.write(log);
  });
  const ready = async (host: Host, number: number) => {
    await host.sh(`ip addr add fd56::${number}/64 dev eth0 nodad`);
    await startEngine(host, options.flags);
    await host.importBusybox();
  };
  await Promise.all([ready(h1, 11), ready(h2, 12)]);
  const hosts = [h1, h2];
  const hostOf = (station: Station) => (station.slice(1).startsWith("1") ? h1 : h2);
  const containers = new Set<Station>();
  const end = (station: Station, family: Family): End =>
    station.startsWith("h")
      ? hostEnd(hostOf(station), addressOf(station, family))
      : containerEnd(hostOf(station), station, addressOf(station, family));
  return {
    ...{ lab, h1, h2, hostOf },
    async createLan(driver, options_) {
      await Promise.all(hosts.map((host) => host.docker(`network create -d ${driver} ${LAN_SUBNETS} ${options_} lan`)));
    },
    async run(...names) {
      const onOne = (host: Host) => names.filter((name) => hostOf(name) === host);
      await Promise.all(
        hosts.map(async (host) => {
          for (const name of onOne(host)) {
            await host.docker(`run -itd --name ${name} --network lan ${addressFlags(name)} busybox`);
            containers.add(name);
          }
        }),
      );
    },
    async clear() {
      await Promise.all(
        hosts.map(async (host) => {
          const own = [...containers].filter((name) => hostOf(name) === host);
          if (own.length > 0) await host.docker(`rm -f ${own.join(" ")}`);
          await host.docker("network rm lan");
        }),
      );
      containers.clear();
    },
    async reach(expected, what = "", families = FAMILIES) {
      for (const family of families) {
        const ends = parseStations(expected).map((station) => end(station, family));
        const matrix = await pingMatrix(ends, { expected });
        assert.deepEqual(matrix.differences(expected), [], `${what} IPv${family}\n${matrix.render()}`);
      }
    },
    async dockerFails(host, args) {
      const { code, stdout, stderr } = await host.docker(args, { allowFailure: true });
      if (code === 0) throw new Error(`docker ${args} succeeded, and must not:\n${stdout}`);
      return `${stdout}${stderr}`.replace(/^Error response from daemon: /, "").trim();
    },
  };
}
