import { readFileSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { FairwayError, messageOf } from "#base";
import { openContainers } from "#containers";
import { FirewallInspector } from "#doctor";
import { DRIVERS, openEngine } from "#engine";
import { openImages } from "#images";
import { Poller } from "#kernel/ffi";
import { createServer, type DaemonConfig, parseDaemonFlags } from "#server";
import { openStore } from "#store";
import { containerSettings } from "./container-settings.ts";
import { daemonId, daemonInfo } from "./daemon-facts.ts";
import { daemonLog } from "./daemon-log.ts";
import { engineSettings } from "./engine-settings.ts";
import { extensions } from "./extensions.ts";
import { leavePlaces, readFile, takePlaces } from "./pidfile.ts";
import { runProgram } from "./run-program.ts";
import { handleSignals } from "./signals.ts";

const argv = process.argv.slice(2);

async function serve(config: DaemonConfig, warnings: readonly string[]): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error("fairwayd needs root: it makes network namespaces, links and firewall rules");
  const log = daemonLog(config);
  for (const warning of warnings) log.warn(warning);
  takePlaces(config);
  const id = daemonId(config.dataRoot);
  let current = config;
  const store = await openStore(config.store === "sqlite" ? `sqlite:${config.dataRoot}/fairway.db` : config.store);
  const poller = new Poller();
  const engine = await openEngine({ config: engineSettings(config, id, log), store, poller, log });
  const images = await openImages({ dataRoot: config.dataRoot, store, log });
  const containers = await openContainers({
    ...{ dataRoot: config.dataRoot, execRoot: config.execRoot, store, images, engine, poller, log },
    ...containerSettings(config, () => current),
  });
  await containers.reconcile();
  const inspector = new FirewallInspector(runProgram);
  const drivers = DRIVERS.map(({ name }) => name);
  const info = daemonInfo({
    config,
    current: () => current,
    id,
    runtime: containers.runtime.path,
    drivers,
    warnings: () => [
      ...inspector.warnings(),
      ...engine.networkWarnings().map(({ network, warning }) => `WARNING: network ${network}: ${warning}`),
    ],
  });
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

  handleSignals({
    ...{ argv, config, log, server, engine, readFile },
    reloaded: (next) => {
      current = next;
    },
    stop: [
      () => server.close(),
      () => containers.close(current.containers.liveRestore ? {} : { stopTimeout: current.containers.shutdownTimeout }),
      () => engine.close(),
      () => store.close(),
      () => leavePlaces(config),
    ],
  });
  log.info("Daemon has completed initialization");
  // Now, not at exit: a daemon that is killed would leave the next start as slow as this one.
  flushCompileCache();
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
