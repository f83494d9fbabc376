import type { Client } from "./client.ts";
import type { Method } from "./endpoint.ts";
import type { FairwayDnsQuery, FairwayDoctor, FairwayDriftReport, FairwayRepair, FairwayRoutes, FairwayVersion } from "./types/fairway.ts";

/** Endpoints of Fairway's own, beside Docker's: keys as a server's `extensions` have them, with what each answers. */
export interface FairwayEndpoints {
  "GET /fairway/version": FairwayVersion;
  "GET /fairway/doctor": FairwayDoctor;
  "GET /fairway/drift": FairwayDriftReport;
  "POST /fairway/drift/repair": FairwayRepair;
  "GET /fairway/networks/routes": FairwayRoutes;
  /** Query `from` and `to`: names or ids of networks. */
  "POST /fairway/networks/routes": FairwayRoutes;
  "DELETE /fairway/networks/routes": FairwayRoutes;
}

export type FairwayEndpoint = keyof FairwayEndpoints;

/** Those that answer with JSON lines, for as long as the client listens. */
export interface FairwayStreams {
  "GET /fairway/dns/log": FairwayDnsQuery;
}

/** Calls one of them. @throws FairwayError; code `no-daemon` when nothing serves, notFound when what serves is no Fairway */
export async function callFairway<N extends FairwayEndpoint>(
  client: Client,
  endpoint: N,
  query: Readonly<Record<string, string>> = {},
): Promise<FairwayEndpoints[N]> {
  const [method, path] = endpoint.split(" ") as [Method, string];
  const search = new URLSearchParams(query).toString();
  const { body } = await client.request(method, search === "" ? path : `${path}?${search}`);
  let text = "";
  for await (const chunk of body.setEncoding("utf8")) text += chunk;
  return JSON.parse(text) as FairwayEndpoints[N];
}

/** Reads one that streams, line by line. @throws FairwayError as `callFairway` does */
export async function* streamFairway<N extends keyof FairwayStreams>(
  client: Client,
  endpoint: N,
  query: Readonly<Record<string, string>>,
): AsyncGenerator<FairwayStreams[N]> {
  const [method, path] = endpoint.split(" ") as [Method, string];
  const { body } = await client.request(method, `${path}?${new URLSearchParams(query)}`);
  let rest = "";
  for await (const chunk of body.setEncoding("utf8")) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    for (const line of lines) if (line.trim() !== "") yield JSON.parse(line) as FairwayStreams[N];
  }
}
