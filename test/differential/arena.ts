import { Lab } from "#lab";
import { Side } from "./side.ts";

/** Many small pools of one size: an address tells its place in the subnet whichever subnet a daemon chose. See the table's row on subnets. */
const FLAGS = ["--default-address-pool", "base=10.200.0.0/16,size=24"];

/** A host with fairwayd and one with dockerd, both fresh, both with the busybox image. Disposed of with the lab. */
export async function arena(): Promise<{ lab: Lab; ours: Side; theirs: Side }> {
  const lab = await Lab.create({ hosts: ["ours", "theirs"] });
  try {
    const [ours, theirs] = [lab.host("ours"), lab.host("theirs")];
    // Containers in the host's network have its name.
    for (const host of [ours, theirs]) await host.sh("hostname arena");
    await Promise.all([ours.startDaemon(FLAGS), theirs.startDockerd(FLAGS)]);
    await Promise.all([ours.importBusybox(), theirs.importBusybox()]);
    return { lab, ours: new Side("ours", ours.socket), theirs: new Side("theirs", theirs.socket) };
  } catch (error) {
    lab.dispose();
    throw error;
  }
}
