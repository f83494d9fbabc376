import { Engine } from "../engine.ts";
import { median, timed } from "../measure.ts";
import type { Part } from "../part.ts";

const TOTAL = 1000;
/** Starts at either end that are compared. */
const SAMPLE = 20;

/** A thousand running containers on one network, over the API; then the daemon is killed and started among them. */
export const crowd: Part = {
  name: "crowd",
  rows: {
    [`start of container ${TOTAL} of a network`]: { unit: "ms" },
    [`start of container ${TOTAL} of a network, over the first`]: { unit: "times", goal: { atMost: 1.5 } },
    [`names of ${TOTAL} containers resolve (1: yes)`]: { unit: "" },
    [`restart with ${TOTAL} running containers: /_ping answers`]: { unit: "ms", goal: { atMost: 2000 } },
    [`restart with ${TOTAL} running containers: all are listed`]: { unit: "ms", goal: { atMost: 2000 } },
  },
  async run({ lab, record }) {
    const host = await lab.addHost("crowd", { nics: [{ switch: "lan" }] });
    await host.sh(`umount ${host.directory}/data`);
    await host.startDaemon(["--runtime", "runc"]);
    await host.importBusybox();
    await host.docker("network create --subnet 10.240.0.0/16 load");
    const engine = new Engine("fairway", host);
    const times: number[] = [];
    for (let number = 0; number < TOTAL; number++) {
      const id = await engine.createContainer(`c${number}`, ["sleep", "3600"], { network: "load" });
      times.push(await timed(() => engine.call("POST", `/containers/${id}/start`)));
      // The first ones compile what the others run.
      if (number === 2) times.length = 0;
    }
    const last = median(times.slice(-SAMPLE));
    record(`start of container ${TOTAL} of a network`, "fairway", last);
    record(`start of container ${TOTAL} of a network, over the first`, "fairway", last / median(times.slice(0, SAMPLE)));
    const names = Array.from({ length: TOTAL }, (_, number) => `c${number}`).join(" ");
    await host.docker(`exec c0 sh -c 'for name in ${names}; do nslookup $name >/dev/null || exit; done; echo all >/tmp/resolved'`);
    const { stdout } = await host.docker("exec c0 cat /tmp/resolved", { allowFailure: true });
    record(`names of ${TOTAL} containers resolve (1: yes)`, "fairway", stdout.trim() === "all" ? 1 : 0);
    for (let round = 0; round < 3; round++) {
      await host.daemon.kill();
      const started = performance.now();
      await host.daemon.start();
      record(`restart with ${TOTAL} running containers: /_ping answers`, "fairway", performance.now() - started);
      const listed = await host.daemon.api("GET", "/containers/json");
      record(`restart with ${TOTAL} running containers: all are listed`, "fairway", performance.now() - started);
      const running = (JSON.parse(listed.text) as object[]).length;
      if (running !== TOTAL) throw new Error(`${running} of ${TOTAL} containers run`);
    }
    host.destroy();
  },
};
