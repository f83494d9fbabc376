import { type Cell, type Host, type LabProcess, ping } from "#lab";

/** Pings from inside a container. */
export const pingFrom = (host: Host, container: string, target: string): Promise<Cell> =>
  ping({ run: (script) => host.dockerOutput(["exec", container, "sh", "-c", script]) }, target);

/** Figures of "pings" and "blocked" in the experiments. */
export const PINGS: Cell = { sent: 2, received: 2 };
export const BLOCKED: Cell = { sent: 2, received: 0 };

/** Serves `text` on a TCP port inside a container until it stops. */
export async function serveIn(host: Host, container: string, port: number, text: string, address = "0.0.0.0"): Promise<void> {
  const script = `mkdir -p /tmp/www${port}; echo ${text} >/tmp/www${port}/index.html; httpd -p ${address}:${port} -h /tmp/www${port}`;
  await host.docker(["exec", container, "sh", "-c", script]);
}

/** Fetches from inside a container. @returns the text, or undefined when there is no answer within 2 s */
export async function fetchIn(host: Host, container: string, url: string): Promise<string | undefined> {
  const { code, stdout } = await host.docker(["exec", container, "timeout", "2", "wget", "-q", "-O", "-", url], { allowFailure: true });
  return code === 0 ? stdout.trim() : undefined;
}

/** Fetches from a host of the lab. @returns the text, or undefined when there is no answer within 2 s */
export async function fetchFrom(host: Host, url: string): Promise<string | undefined> {
  const { code, stdout } = await host.exec(["curl", "-s", "-f", "-g", "-m", "2", url], { allowFailure: true });
  return code === 0 ? stdout.trim() : undefined;
}

/** A server on a host of the lab that answers each TCP connection with the client's address. Kill it when done. */
export async function serveClientAddress(host: Host, port: number): Promise<LabProcess> {
  const server = host.spawn(["socat", `TCP-LISTEN:${port},fork,reuseaddr`, "SYSTEM:echo $SOCAT_PEERADDR"]);
  for (let tries = 0; tries < 50; tries++) {
    if ((await host.sh(`ss -Hltn sport = :${port}`)) !== "") return server;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`No server on port ${port}: ${server.stderr}`);
}
