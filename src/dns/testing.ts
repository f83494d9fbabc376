import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { connect, createServer, type Server } from "node:net";
import { bytesToIp } from "#base";
import { Forwarder, type ForwarderOptions } from "./forwarder.ts";
import { decodeName, keyToText, nameKey, writeKey } from "./name.ts";
import { FORWARD, SandboxResolver } from "./resolver.ts";
import type { UpstreamTransport } from "./upstream.ts";
import type { SandboxViewSpec } from "./view.ts";
import { RecordType } from "./wire.ts";
import { DnsZones } from "./zones.ts";

/** What the tests of this room share: a message decoder written apart from the code it checks, and a resolver to ask. */
export interface DecodedMessage {
  id: number;
  flags: { qr: boolean; aa: boolean; tc: boolean; rd: boolean; ra: boolean; ad: boolean; cd: boolean };
  rcode: number;
  question: { raw: string; type: number; class: number } | undefined;
  answers: { name: string; type: number; ttl: number; data: string }[];
  additional: { name: string; type: number; ttl: number; data: string }[];
  edns: { size: number; dnssecOk: boolean } | undefined;
}

export function decodeMessage(message: Buffer): DecodedMessage {
  const decoded: DecodedMessage = {
    id: message.readUInt16BE(0),
    flags: {
      qr: (message[2]! & 0x80) > 0,
      aa: (message[2]! & 4) > 0,
      tc: (message[2]! & 2) > 0,
      rd: (message[2]! & 1) > 0,
      ra: (message[3]! & 0x80) > 0,
      ad: (message[3]! & 0x20) > 0,
      cd: (message[3]! & 0x10) > 0,
    },
    rcode: message[3]! & 15,
    question: undefined,
    answers: [],
    additional: [],
    edns: undefined,
  };
  let at = 12;
  const name = () => {
    const read = decodeName(message, at, message.length);
    if (!read) throw new Error(`bad name at ${at} of ${message.toString("hex")}`);
    at = read.next;
    return keyToText(read.key);
  };
  if (message.readUInt16BE(4) > 0) {
    const start = at;
    name();
    decoded.question = {
      raw: message.toString("latin1", start, at - 1),
      type: message.readUInt16BE(at),
      class: message.readUInt16BE(at + 2),
    };
    at += 4;
  }
  const counts = [6, 8, 10].map((offset) => message.readUInt16BE(offset));
  for (const [section, count] of counts.entries()) {
    for (let left = count; left > 0; left--) {
      const owner = name();
      const type = message.readUInt16BE(at);
      const size = message.readUInt16BE(at + 2);
      const ttl = message.readUInt32BE(at + 4);
      const end = at + 10 + message.readUInt16BE(at + 8);
      at += 10;
      if (type === RecordType.OPT) {
        decoded.edns = { size, dnssecOk: (ttl & 0x8000) > 0 };
        decoded.rcode |= (ttl >>> 24) << 4;
      } else {
        const into = section === 0 ? decoded.answers : decoded.additional;
        into.push({ name: owner, type, ttl, data: dataText(type, end) });
      }
      at = end;
    }
  }
  if (at !== message.length) throw new Error(`${message.length - at} octets left over`);
  return decoded;

  function dataText(type: number, end: number): string {
    if (type === RecordType.A || type === RecordType.AAAA) return bytesToIp(message.subarray(at, end));
    if (type === RecordType.PTR || type === RecordType.CNAME) return keyToText(decodeName(message, at, end)!.key);
    if (type === RecordType.SRV)
      return `${message.readUInt16BE(at)} ${message.readUInt16BE(at + 2)} ${message.readUInt16BE(at + 4)} ${keyToText(decodeName(message, at + 6, end)!.key)}`;
    return message.toString("hex", at, end);
  }
}

export interface QueryOptions {
  id?: number;
  class?: number;
  edns?: number;
  flags?: number;
}

/** A query for a name, its letter case kept. */
export function encodeQuery(name: string, type: number, options: QueryOptions = {}): Buffer {
  const key = name === "." ? "" : nameKey(name);
  if (key === undefined) throw new Error(`no DNS name: ${name}`);
  const wire = Buffer.alloc(key.length + 1);
  writeKey(key, wire, 0);
  // `writeKey` wrote lower case; put the case as given back.
  let position = 0;
  for (const label of name === "." ? [] : name.replace(/\.$/, "").split(".")) {
    wire.write(label, position + 1, "utf8");
    position += 1 + Buffer.byteLength(label);
  }
  const header = Buffer.alloc(12);
  header.writeUInt16BE(options.id ?? 0x1234, 0);
  header.writeUInt16BE(options.flags ?? 0x0100, 2);
  header[5] = 1;
  const tail = Buffer.alloc(4);
  tail.writeUInt16BE(type, 0);
  tail.writeUInt16BE(options.class ?? 1, 2);
  if (options.edns === undefined) return Buffer.concat([header, wire, tail]);
  header[11] = 1;
  const opt = Buffer.from([0, 0, 41, options.edns >> 8, options.edns & 255, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([header, wire, tail, opt]);
}

export function makeResolver(spec: Partial<SandboxViewSpec> = {}, zones = new DnsZones(), options: ForwarderOptions = {}): SandboxResolver {
  return new SandboxResolver(zones, { sandboxId: "s1", networks: [], ...spec }, new Forwarder(options));
}

/** Asks a resolver a message; `"forward"` and `"dropped"` for what has no answer at once. */
export function askRaw(resolver: SandboxResolver, query: Buffer, overTcp = false): DecodedMessage | "forward" | "dropped" {
  const into = Buffer.alloc(65535, 0xee);
  const length = resolver.answer(query, 0, query.length, into, 0, overTcp ? into.length : 4096, overTcp);
  if (length === FORWARD) return "forward";
  if (length === 0) return "dropped";
  if (into[length] !== 0xee) throw new Error("wrote behind its answer");
  return decodeMessage(into.subarray(0, length));
}

/** The data of the answers, or what became of it: `NXDOMAIN`, `forward`… */
export function ask(resolver: SandboxResolver, name: string, type: number = RecordType.A, options: QueryOptions = {}): string[] | string {
  const answer = askRaw(resolver, encodeQuery(name, type, options));
  if (typeof answer === "string") return answer;
  return answer.rcode === 0 ? answer.answers.map((record) => record.data) : `rcode ${answer.rcode}`;
}

/** A server of the test's own on loopback; `reply` returns what to send back, each after its delay in milliseconds. */
export interface FakeServer extends AsyncDisposable {
  readonly port: number;
  readonly queries: Buffer[];
  readonly ports: Set<number>;
}

export type FakeReply = (query: Buffer, overTcp: boolean) => Buffer | Buffer[] | undefined | Promise<Buffer | undefined>;

export async function fakeServer(reply: FakeReply, options: { readonly tcp?: boolean } = {}): Promise<FakeServer> {
  for (;;) {
    const udp = createSocket("udp4");
    await new Promise<void>((resolve) => udp.bind(0, "127.0.0.1", resolve));
    const { port } = udp.address();
    const queries: Buffer[] = [];
    const ports = new Set<number>();
    udp.on("message", async (query, from) => {
      queries.push(query);
      ports.add(from.port);
      const replies = await reply(query, false);
      for (const message of Array.isArray(replies) ? replies : replies ? [replies] : []) send(udp, message, from.port);
    });
    const tcp = createServer((socket) => {
      socket.on("error", () => {});
      socket.on("data", async (data: Buffer) => {
        queries.push(data.subarray(2));
        const message = await reply(data.subarray(2), true);
        if (!Buffer.isBuffer(message)) return void socket.destroy();
        const framed = Buffer.concat([Buffer.from([message.length >> 8, message.length & 255]), message]);
        // In pieces, as a network may deliver it.
        socket.write(framed.subarray(0, 1));
        setTimeout(() => socket.end(framed.subarray(1)), 5);
      });
    });
    if (options.tcp !== false && !(await listens(tcp, port))) {
      udp.close();
      continue;
    }
    return {
      port,
      queries,
      ports,
      [Symbol.asyncDispose]: async () => {
        udp.close();
        if (tcp.listening) await new Promise((resolve) => tcp.close(resolve));
      },
    };
  }
}

function send(udp: UdpSocket, message: Buffer, port: number): void {
  try {
    udp.send(message, port, "127.0.0.1");
  } catch {
    // The test is over.
  }
}

const listens = (server: Server, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => resolve(true));
  });

export const loopback: UpstreamTransport = {
  openUdp: (family) => createSocket(family === 4 ? "udp4" : "udp6"),
  connectTcp: (address, port) => connect(port, address),
};

/** A reply with one A record to any query, its question as it came. */
export function replyA(query: Buffer, address: string, options: { rcode?: number; truncated?: boolean; copies?: number } = {}): Buffer {
  const end = questionEnd(query);
  const head = Buffer.from(query.subarray(0, end));
  head[2] = 0x81 | (options.truncated ? 2 : 0);
  head[3] = 0x80 | (options.rcode ?? 0);
  const copies = options.rcode || options.truncated ? 0 : (options.copies ?? 1);
  head.writeUInt16BE(copies, 6);
  head.writeUInt32BE(0, 8);
  const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 0, 0, 4, ...address.split(".").map(Number)]);
  return Buffer.concat([head, ...Array<Buffer>(copies).fill(record)]);
}

export function questionEnd(query: Buffer): number {
  let at = 12;
  while (query[at] !== 0) at += 1 + query[at]!;
  return at + 5;
}
