import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "#api";
import { silentLog } from "#base";
import { createServer } from "../server.ts";
import type { ServerDependencies } from "../types.ts";
import { FakeContainers } from "./containers.ts";
import { FakeEngine } from "./engine.ts";
import { FakeImages } from "./images.ts";
import { fakeInfo } from "./info.ts";

/** A server over fakes on a socket of its own; `close` leaves nothing behind. */
export async function startFakeServer(extra: Partial<ServerDependencies> = {}) {
  const directory = mkdtempSync(join(tmpdir(), "fairway-server-"));
  const socket = join(directory, "s.sock");
  const host = `unix://${socket}`;
  const [engine, containers, images] = [new FakeEngine(), new FakeContainers(), new FakeImages()];
  const server = createServer({
    engine: engine.door,
    containers: containers.door,
    images: images.door,
    info: fakeInfo,
    log: silentLog,
    ...extra,
  });
  try {
    await server.listen([host]);
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
  const client = new Client({ host });
  return {
    server,
    socket,
    host,
    client,
    engine,
    containers,
    images,
    async close() {
      client.close();
      await server.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
