import type { FairwayDnsQuery } from "#api";
import type { LocalEngine } from "#engine";
import type { StreamReply } from "#server";

/** Queries that a client has not read yet; what comes on top of them is dropped, not kept. */
const BACKLOG = 10_000;

/** A container's DNS queries as JSON lines, from now until the client goes away. */
export function dnsLog(engine: LocalEngine, containerId: string, signal: AbortSignal): StreamReply {
  const waiting: string[] = [];
  let wake = () => {};
  const stop = engine.dnsLog(containerId, ({ time, upstream, ...entry }) => {
    const line: FairwayDnsQuery = { ...entry, time: time.toISOString(), upstream: upstream ?? null };
    if (waiting.length < BACKLOG) waiting.push(`${JSON.stringify(line)}\n`);
    wake();
  });
  signal.addEventListener("abort", () => {
    stop();
    wake();
  });
  async function* lines(): AsyncGenerator<string> {
    while (!signal.aborted) {
      if (waiting.length > 0) yield waiting.splice(0).join("");
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  }
  return { contentType: "application/x-ndjson", body: lines() };
}
