import { randomBytes } from "node:crypto";
import { encodeUpstreamQuery, parseReply, type Reply, randomCase, type UpstreamQuestion } from "./reply.ts";
import type { Upstream } from "./upstream.ts";
import { Rcode, TCP_MAX_MESSAGE } from "./wire.ts";

export type Exchange = { readonly reply: Reply } | { readonly failure: string };

/** Wrong answers on one port after which it is given up: someone is guessing ids. */
const MAX_FORGERIES = 32;

/** Milliseconds for the whole answer over TCP. */
const TCP_TIMEOUT = 2000;

/** A question as it goes out once: with an id and letter case of its own. */
function prepare(question: UpstreamQuestion, upstream: Upstream, mixCase: boolean): { id: number; wire: Uint8Array; message: Buffer } {
  const random = randomBytes(34);
  const id = random.readUInt16BE(0);
  const wire = mixCase ? randomCase(question.wire, random.subarray(2)) : question.wire;
  return { id, wire, message: encodeUpstreamQuery(id, wire, question, upstream.knowsEdns(performance.now())) };
}

/**
 * Asks over UDP from a socket of its own: a random port a question, connected, so that the kernel drops what comes from elsewhere and tells at once
 * when nobody listens.
 */
export function exchangeUdp(upstream: Upstream, question: UpstreamQuestion, mixCase: boolean, signal: AbortSignal): Promise<Exchange> {
  const { id, wire, message } = prepare(question, upstream, mixCase);
  return new Promise((resolve) => {
    const socket = upstream.transport.openUdp(upstream.family);
    let forgeries = 0;
    let done = false;
    const finish = (result: Exchange) => {
      if (done) return;
      done = true;
      signal.removeEventListener("abort", aborted);
      try {
        socket.close();
      } catch {
        // It failed before it was open.
      }
      resolve(result);
    };
    const aborted = () => finish({ failure: "no answer in time" });
    signal.addEventListener("abort", aborted);
    socket.on("error", (error) => finish({ failure: error.message }));
    socket.on("message", (data, from) => {
      const fromElsewhere = from.port !== upstream.port || (upstream.family === 4 && from.address !== upstream.address);
      const reply = fromElsewhere ? "not-ours" : parseReply(data, id, wire);
      if (reply === "malformed") finish({ failure: "malformed reply" });
      else if (reply !== "not-ours") finish({ reply });
      else if (++forgeries >= MAX_FORGERIES) finish({ failure: "too many replies that match no question" });
    });
    try {
      // Without a route, as in a namespace that has none, node calls back with the error, which its types do not say.
      socket.connect(upstream.port, upstream.address, (...[refused]: readonly (Error | undefined)[]) => {
        if (refused) finish({ failure: refused.message });
        else if (!done) socket.send(message, (error) => error && finish({ failure: error.message }));
      });
    } catch (error) {
      finish({ failure: String(error) });
    }
    if (signal.aborted) aborted();
  });
}

/** Asks over TCP, a connection a question: after a truncated answer. */
export function exchangeTcp(upstream: Upstream, question: UpstreamQuestion, mixCase: boolean, signal: AbortSignal): Promise<Exchange> {
  const { id, wire, message } = prepare(question, upstream, mixCase);
  return new Promise((resolve) => {
    const socket = upstream.transport.connectTcp(upstream.address, upstream.port);
    const chunks: Buffer[] = [];
    let size = 0;
    const finish = (result: Exchange) => {
      signal.removeEventListener("abort", aborted);
      socket.destroy();
      resolve(result);
    };
    const aborted = () => finish({ failure: "no answer in time" });
    signal.addEventListener("abort", aborted);
    socket.on("error", (error) => finish({ failure: error.message }));
    socket.on("close", () => finish({ failure: "connection closed" }));
    socket.on("data", (data: Buffer) => {
      chunks.push(data);
      size += data.length;
      if (size < 2) return;
      const all = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
      const length = all.readUInt16BE(0);
      if (size > TCP_MAX_MESSAGE + 2) return finish({ failure: "more than one reply" });
      if (size < length + 2) {
        chunks.splice(0, chunks.length, all);
        return;
      }
      const reply = parseReply(all.subarray(2, 2 + length), id, wire);
      finish(typeof reply === "string" ? { failure: `${reply} reply` } : { reply });
    });
    const framed = Buffer.allocUnsafe(2 + message.length);
    framed.writeUInt16BE(message.length, 0);
    message.copy(framed, 2);
    socket.write(framed);
    if (signal.aborted) aborted();
  });
}

/**
 * One upstream's answer by whatever it takes: without mixed case or EDNS for a server that cannot do them (remembered), over TCP when UDP was
 * truncated. Falling back means a new id, port and guess for a forger; one odd reply gains nothing.
 */
export async function askUpstream(upstream: Upstream, question: UpstreamQuestion, signal: AbortSignal): Promise<Exchange> {
  upstream.queries++;
  for (let step = 0; ; step++) {
    const mixCase = upstream.keepsCase(performance.now());
    const started = performance.now();
    const result = await exchangeUdp(upstream, question, mixCase, signal);
    if ("failure" in result) return result;
    upstream.answered(performance.now() - started);
    const { reply } = result;
    if (step < 3 && !reply.caseKept) {
      upstream.losesCase(performance.now());
      continue;
    }
    const refusesEdns = reply.rcode === Rcode.FORMERR || reply.rcode === Rcode.NOTIMP || reply.rcode === Rcode.BADVERS;
    if (step < 3 && refusesEdns && upstream.knowsEdns(performance.now())) {
      upstream.lacksEdns(performance.now());
      continue;
    }
    if (!reply.truncated) return result;
    const whole = await exchangeTcp(upstream, question, mixCase, AbortSignal.any([signal, AbortSignal.timeout(TCP_TIMEOUT)]));
    // A server without TCP: what came by UDP is still an answer, and its TC bit tells the client.
    return "failure" in whole && !signal.aborted ? result : whole;
  }
}
