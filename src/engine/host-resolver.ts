import { readFileSync, statSync } from "node:fs";
import { EMPTY_RESOLV_CONF, parseResolvConf, type ResolvConf, SYSTEMD_RESOLV_CONF, usesSystemdStub } from "#dns";

const RESOLV_CONF = "/etc/resolv.conf";
/** Milliseconds between looks: a stat of two files costs 5 µs, and sees what inotify does not, a file mounted over or a link that leads elsewhere. */
const INTERVAL = 500;

/**
 * The host's resolv.conf as it is now.
 * @param legacy for containers that ask its servers themselves, and cannot reach systemd-resolved's stub: the list behind it
 * @throws the system's error when there is a file and it cannot be read
 */
export function readHostResolver(legacy: boolean): { readonly host: ResolvConf; readonly path: string } {
  const host = parse(RESOLV_CONF);
  if (!legacy || !usesSystemdStub(host)) return { host, path: RESOLV_CONF };
  return { host: parse(SYSTEMD_RESOLV_CONF), path: SYSTEMD_RESOLV_CONF };
}

function parse(path: string): ResolvConf {
  try {
    return parseResolvConf(readFileSync(path, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return EMPTY_RESOLV_CONF;
    throw error;
  }
}

/** Calls back when either file has changed in any way. */
export function watchHostResolver(changed: () => void): Disposable {
  const look = () =>
    [RESOLV_CONF, SYSTEMD_RESOLV_CONF]
      .map((path) => {
        const stat = statSync(path, { throwIfNoEntry: false, bigint: true });
        return stat ? `${stat.dev} ${stat.ino} ${stat.mtimeNs} ${stat.size}` : "none";
      })
      .join(", ");
  let seen = look();
  const timer = setInterval(() => {
    const now = look();
    if (now === seen) return;
    seen = now;
    changed();
  }, INTERVAL);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
