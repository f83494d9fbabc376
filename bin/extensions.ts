import { arch, release } from "node:os";
import {
  API_VERSION,
  type FairwayDoctor,
  type FairwayDriftReport,
  type FairwayEndpoint,
  type FairwayRepair,
  type FairwayVersion,
  MIN_API_VERSION,
} from "#api";
import type { ContainerService } from "#containers";
import { examineHost, type PublishedPort } from "#doctor";
import type { LocalEngine } from "#engine";
import type { Drift } from "#fabric";
import type { DaemonConfig, DaemonInfo, Extension } from "#server";
import { runProgram } from "./run-program.ts";

export interface ExtensionSource {
  readonly engine: LocalEngine;
  readonly containers: Pick<ContainerService, "list">;
  readonly config: DaemonConfig;
  readonly info: () => DaemonInfo;
}

/** Endpoints beside Docker's, for the `fairway` CLI. */
export function extensions(source: ExtensionSource): Readonly<Record<FairwayEndpoint, Extension>> {
  const { engine, config, info } = source;
  const told = (drift: readonly Drift[]) => drift.map((each) => tell(each, engine));
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
          pid: process.pid,
        },
      }),
    }),
    "GET /fairway/drift": async (): Promise<FairwayDriftReport> => ({ drift: told(engine.drift()) }),
    "POST /fairway/drift/repair": async (): Promise<FairwayRepair> => {
      const repaired = told(await engine.repair());
      return { repaired, left: told(engine.drift()) };
    },
  };
}

/** Drift in the words of those who own it. */
function tell({ kind, scopes, description }: Drift, engine: LocalEngine): FairwayDriftReport["drift"][number] {
  const networks = engine.listNetworks();
  const wantedBy = scopes.map((scope) => {
    const [what = "", id = ""] = scope.split("/");
    if (what === "network") return `network ${networks.find((network) => network.id === id)?.name ?? id.slice(0, 12)}`;
    for (const { endpoints } of networks)
      for (const { endpointId, containerId, containerName } of endpoints)
        if (endpointId === id || containerId === id) return `container ${containerName.replace(/^\//, "")}`;
    return `${what} ${id.slice(0, 12)}`;
  });
  return { kind, description, wantedBy: [...new Set(wantedBy)] };
}

async function published({ containers }: ExtensionSource): Promise<readonly PublishedPort[]> {
  const list = (await containers.list({ all: false, filters: {} })) as readonly {
    Names?: readonly string[];
    Ports?: readonly { PublicPort?: number; Type?: string }[];
  }[];
  return list.flatMap(({ Names, Ports }) =>
    (Ports ?? []).flatMap(({ PublicPort, Type }) =>
      PublicPort
        ? [{ proto: (Type ?? "tcp") as PublishedPort["proto"], port: PublicPort, container: (Names?.[0] ?? "").replace(/^\//, "") }]
        : [],
    ),
  );
}
