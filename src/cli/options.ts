import { readFileSync } from "node:fs";
import type { ClientOptions } from "#api";
import { invalid } from "#base";
import type { CommandOption } from "./command.ts";

/** Options that every command takes, before it or after it. */
export const GLOBAL_OPTIONS: Readonly<Record<string, CommandOption>> = {
  host: {
    type: "string",
    short: "H",
    word: "HOST",
    help: "Socket of the daemon: unix:///path or tcp://host:port (default $DOCKER_HOST, else unix:///run/fairway.sock)",
  },
  json: { type: "boolean", help: "Print JSON, for programs" },
  help: { type: "boolean", short: "h", help: "Print this help" },
};

export const DEFAULT_HOST = "unix:///run/fairway.sock";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where the daemon is, by the flag and by the variables that the docker CLI knows: DOCKER_HOST, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH. */
export function clientOptions(flag: string | undefined, environment: Environment): ClientOptions {
  const host = flag || environment.DOCKER_HOST || DEFAULT_HOST;
  if (!/^(unix|tcp|https?):\/\//.test(host))
    throw invalid(`Cannot use ${JSON.stringify(host)} as a host: want unix:///path or tcp://host:port`, { code: "usage" });
  if (!environment.DOCKER_TLS_VERIFY || host.startsWith("unix://")) return { host };
  const directory = environment.DOCKER_CERT_PATH || `${environment.HOME ?? "/root"}/.docker`;
  const pem = (name: string) => readFileSync(`${directory}/${name}.pem`, "utf8");
  return { host, tls: { ca: pem("ca"), cert: pem("cert"), key: pem("key") } };
}
