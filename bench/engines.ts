import type { Host, Lab } from "#lab";
import { Engine, type EngineName } from "./engine.ts";

/** Room for thousands of networks, for both. */
const POOL = ["--default-address-pool", "base=10.0.0.0/8,size=24"];

/**
 * Starts dockerd, fairwayd and, where crun runs, fairwayd on crun, each on a host of its own. dockerd's user-space proxy is off: what is compared is the
 * kernel's path.
 * @param tmpfs keep their state in memory instead of on the disk under TMPDIR
 */
export async function startEngines(lab: Lab, tmpfs: boolean): Promise<Engine[]> {
  const engines: Engine[] = [];
  const add = async (name: EngineName, start: (host: Host) => Promise<unknown>) => {
    const address = `192.168.56.${11 + engines.length}/24`;
    const host = await lab.addHost(name, { nics: [{ switch: "lan", address }] });
    if (!tmpfs) await host.sh(`umount ${host.directory}/data`);
    await start(host);
    await host.importBusybox();
    engines.push(new Engine(name, host));
  };
  await add("dockerd", (host) => host.startDockerd([...POOL, "--userland-proxy=false", "--storage-driver=overlay2"]));
  await add("fairway", (host) => host.startDaemon([...POOL, "--runtime", "runc"]));
  try {
    await add("fairway-crun", async (host) => {
      // crun refuses a machine with both cgroup versions; a host of the lab can do without the second.
      await host.sh("! mountpoint -q /sys/fs/cgroup/unified || umount /sys/fs/cgroup/unified");
      await host.startDaemon([...POOL, "--runtime", "crun"]);
    });
    await engines.at(-1)?.docker("run", "--rm", "busybox", "true");
  } catch (error) {
    console.error(`crun is left out: ${error instanceof Error ? error.message : String(error)}`);
    if (engines.at(-1)?.name === "fairway-crun") engines.pop();
  }
  return engines.filter(({ daemon }) => daemon.running);
}
