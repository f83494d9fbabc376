import { existsSync } from "node:fs";

const FETCHED = `${import.meta.dirname}/../.cache/docker-cli/usr/bin`;

/** The PATH to find `docker` by: first where set-up has put one (`scripts/docker-cli.sh`), if the machine's own was too old for the experiments. */
export function dockerPath(path = process.env.PATH ?? ""): string {
  return existsSync(`${FETCHED}/docker`) ? `${FETCHED}:${path}` : path;
}
