/**
 * Probes an address that nobody has, as before a container gets it, and prints the milliseconds each time took as JSON.
 *   node probe.ts LINK ADDRESS COUNT
 */
import { Lan } from "#lan";
import { timed } from "../measure.ts";

const [link = "", address = "", count = ""] = process.argv.slice(2);
using lan = new Lan();
const samples: number[] = [];
for (let index = 0; index < Number(count); index++) {
  samples.push(await timed(() => lan.probeAddress({ link, address, mode: "quick" })));
}
process.stdout.write(`${JSON.stringify(samples)}\n`);
