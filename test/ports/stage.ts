import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { type Host, Lab, type LabProcess } from "#lab";

export const HOST = "192.168.56.11";
export const HOST6 = "fd56::11";
export const OUTSIDE = "192.168.56.1";
export const OUTSIDE6 = "fd56::1";

export interface PortStage {
  readonly lab: Lab;
  readonly host: Host;
  readonly outside: Host;
  docker(args: string): Promise<string>;
  dockerFails(args: string): Promise<string>;
}

/** A host with a daemon and a client beyond it, both with IPv4 and IPv6 on the wire between them. */
export async function portStage(t: TestContext, flags: readonly string[] = []): Promise<PortStage> {
  const lab = await Lab.create({ hosts: ["host1"], outside: true });
  t.after(() => {
    const log = process.env.LAB_LOG ? lab.host("host1").daemon.log : "";
    lab.dispose();
    if (log) process.stderr.write(log);
  });
  const host = lab.host("host1");
  await host.sh(`ip -6 addr add ${HOST6}/64 dev eth0 nodad; ip -6 route add default via ${OUTSIDE6}`);
  await lab.outside.sh(`ip -6 addr add ${OUTSIDE6}/64 dev eth0 nodad`);
  await host.startDaemon(flags);
  await host.importBusybox();
  const servers = new Map<string, number>();
  /** A container is started before what it runs listens. */
  const serving = async (args: string): Promise<void> => {
    const [, name = "", port] = /^(?:run -d|create) --name (\S+) .*httpd -p \[::\]:(\d+) -h/.exec(args) ?? [];
    if (port) servers.set(name, Number(port));
    const started = /^run -d --name (\S+)|^(?:re)?start (?:-t 0 )?(\S+)$/.exec(args);
    const wanted = servers.get(started?.[1] ?? started?.[2] ?? "");
    if (wanted)
      await until(
        async () =>
          (await host.docker(`exec ${started![1] ?? started![2]} sh -c "netstat -ltn | grep -q :${wanted}"`, { allowFailure: true }))
            .code === 0,
      );
  };
  return {
    ...{ lab, host, outside: lab.outside },
    async docker(args) {
      const output = await host.dockerOutput(args, { timeout: 30_000 });
      await serving(args);
      return output;
    },
    async dockerFails(args) {
      const { code, stdout, stderr } = await host.docker(args, { allowFailure: true, timeout: 30_000 });
      assert.notEqual(code, 0, `docker ${args} succeeded, and must not:\n${stdout}`);
      return `${stdout}${stderr}`;
    },
  };
}

/** The command of a container with the host's files in /host that answers each datagram on a port: busybox' nc has no UDP. */
export const udpServer = (port: number, text: string): string =>
  `chroot /host sh -c "exec socat UDP6-RECVFROM:${port},ipv6only=0,fork SYSTEM:'echo ${text}'"`;

/** What a TCP server sends; undefined when nothing comes within 4 s. */
export async function tcp(host: Host, address: string, port: number): Promise<string | undefined> {
  const to = address.includes(":") ? `TCP6:[${address}]:${port}` : `TCP4:${address}:${port}`;
  const { code, stdout } = await host.exec(["timeout", "3", "socat", "-T", "2", "-u", `${to},connect-timeout=2`, "-"], {
    allowFailure: true,
  });
  return code === 0 && stdout !== "" ? stdout.trim() : undefined;
}

/** Sends one datagram and takes one answer; undefined when none comes within 1 s. */
export async function udp(host: Host, address: string, port: number, text = "hello", sourcePort?: number): Promise<string | undefined> {
  const from = sourcePort === undefined ? "" : `,sourceport=${sourcePort},reuseaddr`;
  const to = address.includes(":") ? `UDP6:[${address}]:${port}${from}` : `UDP4:${address}:${port}${from}`;
  const { stdout } = await host.exec(["timeout", "2", "socat", "-t", "1", "-", to], { allowFailure: true, input: text });
  return stdout === "" ? undefined : stdout.trim();
}

/** Fetches by HTTP from a host; undefined when there is no answer within 4 s. */
export async function http(host: Host, url: string): Promise<string | undefined> {
  const { code, stdout } = await host.exec(["curl", "-s", "-f", "-g", "-m", "4", url], { allowFailure: true });
  return code === 0 ? stdout.trim() : undefined;
}

/** The same from inside a container. */
export async function httpIn(host: Host, container: string, url: string): Promise<string | undefined> {
  const { code, stdout } = await host.docker(["exec", container, "timeout", "3", "wget", "-q", "-O", "-", url], { allowFailure: true });
  return code === 0 ? stdout.trim() : undefined;
}

/** `sh -c` of a container that serves its name on TCP ports, each client told its own address by a CGI program. */
export const web = (name: string, ...ports: number[]): string => {
  const cgi = `#!/bin/sh\\necho; echo ${name} \\$REMOTE_ADDR`;
  const setup = `mkdir -p /www/cgi-bin; printf '${cgi}\\n' >/www/cgi-bin/who; chmod +x /www/cgi-bin/who; echo ${name} >/www/index.html`;
  return `sh -c "${setup}; ${ports.map((port) => `httpd -p [::]:${port} -h /www`).join("; ")}; exec sleep 10000"`;
};

/** Waits until something is so. */
export async function until(what: () => Promise<boolean>, milliseconds = 5000): Promise<void> {
  const deadline = performance.now() + milliseconds;
  while (!(await what())) {
    if (performance.now() > deadline) throw new Error("It did not come to be in time");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A program of the host that holds a port. */
export async function hostServer(host: Host, address: string, text: string): Promise<LabProcess> {
  const server = host.spawn(["socat", `${address},fork,reuseaddr`, `SYSTEM:echo ${text}`]);
  await new Promise((resolve) => setTimeout(resolve, 300));
  return server;
}
