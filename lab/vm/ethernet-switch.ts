import { once } from "node:events";
import { rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { Forwarding, type PortPolicy } from "./forwarding.ts";
import { PcapWriter } from "./pcap.ts";

/**
 * A switch for virtual machines. Each has a cable: a unix socket to which qemu's `-netdev stream` connects, with frames as a big-endian 32-bit length and
 * the bytes. The port is known by its cable's name, and keeps its policy when the machine is restarted.
 */
export class EthernetSwitch {
  readonly forwarding = new Forwarding();
  readonly #directory: string;
  readonly #names: string[] = [];
  readonly #servers: Server[] = [];
  readonly #sockets = new Map<number, Socket>();
  readonly #observers = new Map<number, Set<(frame: Buffer) => void>>();
  readonly #capture: PcapWriter | undefined;

  /** @param capture path of a pcap file that gets every frame that came in */
  constructor(directory: string, capture?: string) {
    this.#directory = directory;
    this.#capture = capture === undefined ? undefined : new PcapWriter(capture);
  }

  /** Makes a port. @returns path of the unix socket that is its cable */
  async addPort(name: string, policy: PortPolicy = {}): Promise<string> {
    const port = this.#names.push(name) - 1;
    this.forwarding.addPort(port, policy);
    const path = `${this.#directory}/${name}.cable`;
    const server = createServer((socket) => this.#plug(port, socket));
    this.#servers.push(server);
    server.listen(path);
    await once(server, "listening");
    return path;
  }

  #portNamed(name: string): number {
    const port = this.#names.indexOf(name);
    if (port < 0) throw new Error(`The switch has no port "${name}", only ${this.#names.join(", ")}`);
    return port;
  }

  /** Replaces a port's policy; `{}` is a plain trunk port. */
  setPolicy(name: string, policy: PortPolicy): void {
    this.forwarding.policies.set(this.#portNamed(name), policy);
  }

  /** Forgets the MACs that were learned on a port. */
  forget(name: string): void {
    this.forwarding.forget(this.#portNamed(name));
  }

  /** Shows every frame that goes in or out of a port, as it is on the cable, until disposed of. */
  observe(name: string, observer: (frame: Buffer) => void): Disposable {
    const port = this.#portNamed(name);
    const observers = this.#observers.get(port) ?? new Set();
    this.#observers.set(port, observers.add(observer));
    return { [Symbol.dispose]: () => observers.delete(observer) };
  }

  /** Parts two ports from one another, or joins them again. */
  setPartition(one: string, other: string, parted: boolean): void {
    this.forwarding.setPartition(this.#portNamed(one), this.#portNamed(other), parted);
  }

  #plug(port: number, socket: Socket): void {
    this.#sockets.get(port)?.destroy();
    this.#sockets.set(port, socket);
    let pending: Buffer = Buffer.alloc(0);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      if (this.#sockets.get(port) === socket) this.#sockets.delete(port);
    });
    socket.on("data", (chunk: Buffer) => {
      pending = pending.length > 0 ? Buffer.concat([pending, chunk]) : chunk;
      let offset = 0;
      while (pending.length - offset >= 4) {
        const length = pending.readUInt32BE(offset);
        if (pending.length - offset - 4 < length) break;
        this.#receive(port, pending.subarray(offset + 4, offset + 4 + length));
        offset += 4 + length;
      }
      pending = pending.subarray(offset);
    });
  }

  #receive(port: number, frame: Buffer): void {
    this.#capture?.write(frame);
    this.#show(port, frame);
    for (const delivery of this.forwarding.forward(port, frame)) {
      this.#show(delivery.port, delivery.frame);
      const socket = this.#sockets.get(delivery.port);
      if (!socket) continue;
      const header = Buffer.alloc(4);
      header.writeUInt32BE(delivery.frame.length, 0);
      socket.cork();
      socket.write(header);
      socket.write(delivery.frame);
      socket.uncork();
    }
  }

  #show(port: number, frame: Buffer): void {
    for (const observer of this.#observers.get(port) ?? []) observer(frame);
  }

  close(): void {
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets.values()) socket.destroy();
    this.#capture?.close();
    for (const name of this.#names) rmSync(`${this.#directory}/${name}.cable`, { force: true });
  }
}
