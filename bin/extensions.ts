import { arch, release } from "node:os";
import {
  API_VERSION,
  type FairwayDoctor,
  type FairwayDriftReport,
  type FairwayEndpoint,
  type FairwayRepair,
  type FairwayRoutes,
  type FairwayStreams,
  type FairwayVersion,
  MIN_API_VERSION,
} from "#api";
import { invalid } from "#base";
import type { ContainerService } from "#containers";
import { examineHost, type PublishedPort } from "#doctor";
import type { LocalEngine } from "#engine";
import type { Drift } from "#fabric";
import type { DaemonConfig, DaemonInfo, Extension } from "#server";
import { dnsLog } from "./dns-log.ts";
import { runProgram } from "./run-program.ts";

export interface ExtensionSource {
  readonly engine: LocalEngine;
  readonly containers: Pick<ContainerService, "list" | "resolve">;
  readonly config: DaemonConfig;
  readonly info: () => DaemonInfo;
}

/** Endpoints beside Docker's, for the `fairway` CLI. */
export function extensions(source: ExtensionSource): Readonly<Record<FairwayEndpoint | keyof FairwayStreams, Extension>> {
  const { engine, config, info } = source;
  const told = (drift: readonly Drift[]) => tell(drift, engine);
  return {
    "GET /fairway/version": async (): Promise<FairwayVersion> => ({
      ...{ version: info().version, apiVersion: API_VERSION, minApiVersion: MIN_API_VERSION },
      ...{ node: process.version, kernel: release(), arch: arch(), pid: process.pid },
      ...{ components: info().components, dataRoot: config.dataRoot, execRoot: config.execRoot },
    }),
    "GET /fairway/doctor": async (): Promise<FairwayDoctor> => ({
      checks: await examineHost({
        ...{ run: runProgram, dataRoot: config.dataRoot, execRoot: config.execRoot },
        known: {
          drift: () => engine.drift(),
          containers: async () => new Set((await source.containers.list({ all: true, filters: {} })).map(({ Id }) => String(Id))),
          published: () => published(source),
          networkWarnings: () => engine.networkWarnings(),
          pid: process.pid,
        },
      }),
    }),
    "GET /fairway/drift": async (): Promise<FairwayDriftReport> => ({ drift: told(engine.drift()) }),
    "POST /fairway/drift/repair": async (): Promise<FairwayRepair> => {
      const repaired = told(await engine.repair());
      return { repaired, left: told(engine.drift()) };
    },
    "GET /fairway/dns/log": async ({ query, signal }) => dnsLog(engine, source.containers.resolve(query.get("container") ?? ""), signal),
    "GET /fairway/networks/routes": async () => routes(engine),
    "POST /fairway/networks/routes": async ({ query }) => {
      await engine.addRoute(...ends(query));
      return routes(engine);
    },
    "DELETE /fairway/networks/routes": async ({ query }) => {
      await engine.removeRoute(...ends(query));
      return routes(engine);
    },
  };
}

const routes = (engine: LocalEngine): FairwayRoutes => ({ routes: engine.listRoutes().map(([from, to]) => ({ from, to })) });

function ends(query: URLSearchParams): [from: string, to: string] {
  const [from, to] = [query.get("from"), query.get("to")];
  if (!from || !to) throw invalid("a route needs two networks: from and to", { code: "bad-query" });
  return [from, to];
}

/** Drift in the words of those who own it. */
function tell(drift: readonly Drift[], engine: LocalEngine): FairwayDriftReport["drift"] {
  if (drift.length === 0) return [];
  const owners = new Map<string, string>();
  for (const { id, name, endpoints } of engine.listNetworks()) {
    owners.set(`network/${id}`, `network ${name}`);
    for (const { endpointId, containerId, containerName } of endpoints)
      for (const scope of [`endpoint/${endpointId}`, `sandbox/${containerId}`])
        owners.set(scope, `container ${containerName.replace(/^\//, "")}`);
  }
  const ownerOf = (scope: string) => owners.get(scope) ?? scope.replace("/", " ").slice(0, 24);
  return drift.map(({ kind, scopes, description }) => ({ kind, description, wantedBy: [...new Set(scopes.map(ownerOf))] }));
}

async function published({ containers }: ExtensionSource): Promise<readonly PublishedPort[]> {
  const list = (await containers.list({ all: false, filters: {} })) as readonly {
    Names?: readonly string[];
    Ports?: readonly { IP?: string; PublicPort?: number; Type?: "tcp" | "udp" | "sctp" }[];
  }[];
  return list.flatMap(({ Names, Ports }) =>
    (Ports ?? []).flatMap(({ IP = "0.0.0.0", PublicPort, Type = "tcp" }) =>
      PublicPort ? [{ proto: Type, address: IP, port: PublicPort, container: (Names?.[0] ?? "").replace(/^\//, "") }] : [],
    ),
  );
}
