import type { Random } from "./random.ts";

export interface SceneNetwork {
  readonly handle: string;
  readonly name: string;
  readonly configOnly: boolean;
  /** Its first IPAM configuration as asked. */
  readonly config: Record<string, unknown> | undefined;
}

export interface SceneContainer {
  readonly handle: string;
  name: string;
  /** Whether a start was asked, and no stop since. */
  running: boolean;
}

const NETWORK_NAMES = ["blue", "green", "red", "blueish"];
const CONTAINER_NAMES = ["web", "db", "cache", "web2"];

/** What a sequence believes to have made, so that most of its references hit something; nothing here knows what the daemons answered. */
export class Scene {
  readonly random: Random;
  readonly networks: SceneNetwork[] = [];
  readonly containers: SceneContainer[] = [];
  readonly execs: string[] = [];
  #handles = 0;

  constructor(random: Random) {
    this.random = random;
  }

  newHandle(kind: "C" | "N" | "E"): string {
    return `${kind}${this.#handles++}`;
  }

  newNetworkName(): string {
    const free = NETWORK_NAMES.filter((name) => !this.networks.some((network) => network.name === name));
    return free.length > 0 && this.random.chance(0.93) ? this.random.pick(free) : this.random.pick(NETWORK_NAMES);
  }

  newContainerName(): string {
    const free = CONTAINER_NAMES.filter((name) => !this.containers.some((container) => container.name === name));
    return free.length > 0 && this.random.chance(0.93) ? this.random.pick(free) : this.random.pick(CONTAINER_NAMES);
  }

  /** One that a path can name. */
  someNetwork(): SceneNetwork | undefined {
    const named = this.networks.filter(({ name }) => name !== "");
    return named.length > 0 ? this.random.pick(named) : undefined;
  }

  networkReference(): string {
    if (this.random.chance(0.08)) return this.random.pick(["nosuch", "bridge", "host", "none", "blu", "{N99}", "0123456789ab", "a%20b"]);
    return this.networks.length > 0 ? this.#reference(this.random.pick(this.networks)) : "bridge";
  }

  containerReference(wanted?: SceneContainer): string {
    if (!wanted && (this.containers.length === 0 || this.random.chance(0.05)))
      return this.random.pick(["nosuch", "{C99}", "we", "0123456789ab"]);
    return this.#reference(wanted ?? this.random.pick(this.containers));
  }

  #reference({ handle, name }: { handle: string; name: string }): string {
    const path = encodeURIComponent(name) || `{${handle}}`;
    return this.random.weighted({ name: 6, id: 3, short: 2 }) === "name"
      ? path
      : this.random.chance(0.6)
        ? `{${handle}}`
        : `{${handle}:12}`;
  }
}
