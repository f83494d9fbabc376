import { once } from "node:events";
import { udpSocketIn } from "#fabric";
import type { Host } from "#lab";

/** The network namespace of a host's container, as this process sees it. */
export async function namespaceOf(host: Host, container: string): Promise<string> {
  const pid = await host.dockerOutput(`inspect -f '{{.State.Pid}}' ${container}`);
  return `/proc/${host.pid}/root/proc/${pid}/ns/net`;
}

/** A question for a name's IPv4 address (RFC 1035 §4.1), RD set. @param id of 8 bits, that comes back with the answer */
export function questionOf(name: string, id: number): Buffer {
  const labels = name.split(".").flatMap((label) => [label.length, ...Buffer.from(label)]);
  return Buffer.from([0, id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, 1, 0, 1]);
}

/** Asks the embedded DNS of one network namespace from this process: without a program to start, a question is there before anything can change. */
export class NameClient implements Disposable {
  readonly #socket: ReturnType<typeof udpSocketIn>;
  /** Answers by rcode, to what `send()` asked. */
  readonly rcodes = new Map<number, number>();

  constructor(namespace: string) {
    this.#socket = udpSocketIn(namespace, 4);
    this.#socket.on("message", (answer) => this.rcodes.set(answer[3]! & 0xf, (this.rcodes.get(answer[3]! & 0xf) ?? 0) + 1));
  }

  send(name: string, id = 0): void {
    this.#socket.send(questionOf(name, id), 53, "127.0.0.11");
  }

  /** Names that have an IPv4 address, with the last one of each answer. */
  async addresses(names: readonly string[]): Promise<Record<string, string>> {
    const found: Record<string, string> = {};
    for (const [id, name] of names.entries()) {
      this.send(name, id);
      const [answer] = (await once(this.#socket, "message")) as [Buffer];
      if (answer[1] !== id) throw new Error(`Asked for ${name}, and was answered ${answer[1]}`);
      if (answer.readUInt16BE(6) > 0) found[name] = answer.subarray(-4).join(".");
    }
    return found;
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}
