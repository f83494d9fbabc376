import { LabProcess, runCommand } from "#lab";
import type { Engine } from "./engine.ts";

const SCRIPTS = `${import.meta.dirname}/inside`;

/** The command line of one of the scripts in `inside/`. */
export const script = (name: string, ...args: readonly (string | number)[]): string[] => [
  process.execPath,
  "--expose-gc",
  "--disable-warning=ExperimentalWarning",
  `${SCRIPTS}/${name}.ts`,
  ...args.map(String),
];

const networkOf = (pid: number): string[] => ["nsenter", `--net=/proc/${pid}/ns/net`];

/** Starts a server of our own in a container's network, the same for every engine, and waits until it listens. */
export async function startSink(engine: Engine, container: string, port: number): Promise<LabProcess> {
  const sink = new LabProcess([...networkOf(await engine.containerPid(container)), ...script("sink", port)]);
  await sink.waitFor(/^ready$/m);
  return sink;
}

/** Runs a command in the network of a process to its end. @returns its standard output */
export async function inNetworkOf(pid: number, argv: readonly string[], timeout = 60_000): Promise<string> {
  return (await runCommand([...networkOf(pid), ...argv], { timeout })).stdout;
}
