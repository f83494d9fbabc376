/** Debian's dockerd, the reference that tests hold Fairway against, as far as this machine has it. */
import { spawnSync } from "node:child_process";

const version = /^Docker version (\S+?),/.exec(spawnSync("dockerd", ["--version"], { encoding: "utf8" }).stdout ?? "")?.[1];

/** Why a test that needs some dockerd is skipped; false where there is one. */
export const withoutDockerd = version === undefined ? "dockerd is not installed (apt-get install docker.io)" : false;

/** Why a test that needs the one whose differences are listed, Debian 12's, is skipped. */
export const withoutDockerd20 =
  withoutDockerd || (version?.startsWith("20.10.") ? false : `dockerd ${version} is not the 20.10 that differences are listed from`);
