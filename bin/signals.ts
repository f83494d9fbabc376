import { writeFileSync } from "node:fs";
import { type LineLog, messageOf } from "#base";
import type { LocalEngine } from "#engine";
import { type DaemonConfig, reloadDaemonFlags, type Server } from "#server";

export interface SignalTargets {
  readonly argv: readonly string[];
  readonly config: DaemonConfig;
  readonly log: LineLog;
  readonly server: Server;
  readonly engine: LocalEngine;
  readFile(path: string): string | undefined;
  /** Told what the configuration is after SIGHUP. */
  reloaded(config: DaemonConfig): void;
  /** In order; the process ends after the last. */
  readonly stop: readonly (() => Promise<void> | void)[];
}

/** The third signal that asks for an end ends the daemon at once, as dockerd's: it may be waiting for containers. */
const IMPATIENT = 3;

/** dockerd's signals: SIGHUP reads the configuration file again, SIGUSR1 writes the state down, SIGTERM and SIGINT end the daemon. */
export function handleSignals(targets: SignalTargets): void {
  const { argv, config, log, server, readFile } = targets;
  const text = readFile(config.configFile);
  process.on("SIGHUP", () => {
    try {
      const reload = reloadDaemonFlags(argv, { text }, readFile);
      log.level = reload.config.logLevel;
      targets.reloaded(reload.config);
      for (const warning of reload.warnings) log.warn(warning);
      server.publish({ action: "reload" });
    } catch (error) {
      log.error("configuration not reloaded", { error: messageOf(error) });
    }
  });
  process.on("SIGUSR1", () => dump(targets));
  let asked = 0;
  const stop = async (signal: string) => {
    asked++;
    if (asked === IMPATIENT) process.exit(1);
    if (asked > 1) return;
    log.info("Daemon shutting down", { signal });
    for (const step of targets.stop) {
      try {
        await step();
      } catch (error) {
        log.error("not closed cleanly", { error: messageOf(error) });
      }
    }
    process.exit(0);
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => void stop(signal));
}

function dump({ config, engine, log }: SignalTargets): void {
  const path = `${config.execRoot}/state-dump-${Date.now()}.json`;
  const drift = engine.drift().map(({ kind, description }) => ({ kind, description }));
  try {
    writeFileSync(path, JSON.stringify({ networks: engine.listNetworks(), drift, memory: process.memoryUsage() }, null, 2), {
      mode: 0o600,
    });
    log.info("state dumped", { path });
  } catch (error) {
    log.error("state not dumped", { path, error: messageOf(error) });
  }
}
