import type { TestContext } from "node:test";
import { type Host, Lab } from "#lab";

/** The experiments can be walked with Debian's dockerd too (`LAB_DAEMON=dockerd`), which shows that they ask for what Docker does. */
export const againstDockerd = process.env.LAB_DAEMON === "dockerd";

export interface Stage {
  readonly lab: Lab;
  /** The host with the daemon: 192.168.56.11 on its eth0. */
  readonly host: Host;
  /** A client beyond the host: 192.168.56.1. */
  readonly outside: Host;
  /** Types `docker …` on the host. @returns what it prints */
  docker(args: string): Promise<string>;
  /** The same for a command that must fail. @returns what it prints on both outputs */
  dockerFails(args: string): Promise<string>;
}

export const HOST_ADDRESS = "192.168.56.11";
export const OUTSIDE_ADDRESS = "192.168.56.1";

export async function startEngine(host: Host, flags: readonly string[] = []): Promise<void> {
  await (againstDockerd ? host.startDockerd(flags) : host.startDaemon(flags));
}

/** A host with a fresh daemon and the busybox image, and a client beyond it; taken down when the test ends. */
export async function stage(t: TestContext): Promise<Stage> {
  const lab = await Lab.create({ hosts: ["host1"], outside: true });
  const host = lab.host("host1");
  t.after(() => {
    const log = process.env.LAB_LOG ? host.daemon.log : "";
    lab.dispose();
    if (log) process.stderr.write(log);
  });
  await startEngine(host);
  await host.importBusybox();
  return {
    lab,
    host,
    outside: lab.outside,
    docker: (args) => host.dockerOutput(args),
    async dockerFails(args) {
      const { code, stdout, stderr } = await host.docker(args, { allowFailure: true });
      if (code === 0) throw new Error(`docker ${args} succeeded, and must not:\n${stdout}`);
      return `${stdout}${stderr}`;
    },
  };
}
