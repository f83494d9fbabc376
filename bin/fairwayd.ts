import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { FairwayError, LineLog, messageOf } from "#base";
import { openContainers } from "#containers";
import { FirewallInspector } from "#doctor";
import { DRIVERS, openEngine } from "#engine";
import { openImages } from "#images";
import { Poller } from "#kernel/ffi";
import { createServer, type DaemonConfig, parseDaemonFlags, reloadDaemonFlags } from "#server";
import { openStore } from "#store";
import { daemonId, daemonInfo } from "./daemon-facts.ts";
import { engineSettings } from "./engine-settings.ts";
import { extensions } from "./extensions.ts";
import { runProgram } from "./run-program.ts";

const argv = process.argv.slice(2);
const readFile = (path: string): string | undefined => (existsSync(path) ? readFileSync(path, "utf8") : undefined);

async function serve(config: DaemonConfig, warnings: readonly string[]): Promise<void> {
  const log = new LineLog({ level: config.logLevel, format: config.logFormat, write: (line) => process.stderr.write(`${line}\n`) });
  for (const warning of warnings) log.warn(warning);
  for (const directory of [config.dataRoot, config.execRoot]) mkdirSync(directory, { recursive: true, mode: 0o711 });
  takePidfile(config.pidfile);
  const id = daemonId(config.dataRoot);
  const store = await openStore(config.store === "sqlite" ? `sqlite:${config.dataRoot}/fairway.db` : config.store);
  const poller = new Poller();
  const engine = await openEngine({ config: engineSettings(config, id, log), store, poller, log });
  const images = await openImages({ dataRoot: config.dataRoot, store, log });
  const containers = await openContainers({
    ...{ dataRoot: config.dataRoot, execRoot: config.execRoot, store, images, engine, poller, log },
    ...(config.containers.runtime ? { runtime: config.containers.runtime } : {}),
    ...(config.containers.seccompProfile && config.containers.seccompProfile !== "builtin"
      ? { seccompProfile: config.containers.seccompProfile }
      : {}),
    defaults: {
      network: config.defaultBridge.name === "none" ? "none" : "bridge",
      ...(config.containers.cgroupParent ? { cgroupParent: config.containers.cgroupParent } : {}),
    },
  });
  await containers.reconcile();
  const inspector = new FirewallInspector(runProgram);
  const drivers = DRIVERS.map(({ name }) => name);
  const info = daemonInfo({ config, id, runtime: containers.runtime.path, drivers, warnings: () => inspector.warnings() });
  const tls = config.tls && {
    cert: readFileSync(config.tls.cert, "utf8"),
    key: readFileSync(config.tls.key, "utf8"),
    ...(config.tls.ca ? { ca: readFileSync(config.tls.ca, "utf8") } : {}),
  };
  const server = createServer({
    engine,
    containers,
    images,
    volumes: containers.volumes,
    info,
    log,
    group: config.group,
    extensions: extensions({ engine, containers, config, info }),
    ...(tls ? { tls } : {}),
  });
  for (const address of await server.listen(config.hosts)) log.info(`API listen on ${address}`);

  const text = readFile(config.configFile);
  process.on("SIGHUP", () => {
    try {
      const reload = reloadDaemonFlags(argv, { text }, readFile);
      log.level = reload.config.logLevel;
      for (const warning of reload.warnings) log.warn(warning);
      server.publish({ action: "reload" });
    } catch (error) {
      log.error("configuration not reloaded", { error: messageOf(error) });
    }
  });
  process.on("SIGUSR1", () => {
    const path = `${config.execRoot}/state-dump-${Date.now()}.json`;
    const state = {
      networks: engine.listNetworks(),
      drift: engine.drift().map(({ kind, description }) => ({ kind, description })),
      memory: process.memoryUsage(),
    };
    writeFileSync(path, JSON.stringify(state, null, 2), { mode: 0o600 });
    log.info("state dumped", { path });
  });
  let stopping = false;
  const stop = async (signal: string) => {
    if (stopping) return;
    stopping = true;
    log.info("Daemon shutting down: containers keep running", { signal });
    await server.close();
    await containers.close();
    await engine.close();
    await store.close();
    rmSync(config.pidfile, { force: true });
    process.exit(0);
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => void stop(signal));
  log.info("Daemon has completed initialization");
  // Now, not at exit: a daemon that is killed would leave the next start as slow as this one.
  flushCompileCache();
}

/** @throws FairwayError when another daemon has the file */
function takePidfile(path: string): void {
  const pid = Number(readFile(path) ?? 0);
  const command = pid > 0 && pid !== process.pid ? readFile(`/proc/${pid}/cmdline`) : undefined;
  if (command?.includes("fairwayd")) throw new FairwayError("conflict", `process with PID ${pid} is still running: pid file ${path}`);
  writeFileSync(path, String(process.pid));
}

try {
  const result = parseDaemonFlags(argv, readFile);
  if (result.kind === "help") process.stdout.write(result.text);
  else if (result.kind === "version")
    process.stdout.write(`Fairway version ${JSON.parse(readFile(new URL("../package.json", import.meta.url).pathname) ?? "{}").version}\n`);
  else if (result.config.validateOnly) process.stdout.write("configuration OK\n");
  else await serve(result.config, result.warnings);
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exit(error instanceof FairwayError && typeof error.context.exitCode === "number" ? error.context.exitCode : 1);
}
