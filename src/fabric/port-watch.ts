import { socketHolder } from "./port-holder.ts";
import { type BoundSocket, rivalsOf } from "./socket-diag.ts";

/** ms between two looks: a program that listens is seen by the second. */
const EVERY = 5000;

/** A range of host ports that no socket of ours holds. */
export interface WatchedRange {
  readonly proto: "tcp" | "udp";
  readonly address: string;
  readonly from: number;
  readonly to: number;
}

/** A program that has bound one of its ports: it gets no packets, for they go to the container. */
export interface LateRival extends WatchedRange {
  readonly port: number;
  /** `nginx (pid 812)`; undefined where it cannot be seen. */
  readonly program: string | undefined;
}

interface Watched {
  readonly range: WatchedRange;
  /** Inodes seen at the last look: a client that sends one datagram is gone by the next. */
  seen: ReadonlySet<number>;
  readonly told: Set<number>;
}

/**
 * Looks every few seconds whether a program has bound a port of a range that is too long to be held by sockets. The kernel tells when a socket goes
 * and not when one comes (SKNLGRP_INET_*_DESTROY), so there is nothing to listen to. One look is one dump an address, 0.2 ms; none is made while there
 * are no such ranges.
 */
export class PortWatch {
  readonly #tell: (rival: LateRival) => void;
  readonly #watched = new Set<Watched>();
  readonly #list: typeof rivalsOf;
  #timer: NodeJS.Timeout | undefined;

  /** @param tell is told of each rival once @param list stands in for the kernel in tests */
  constructor(tell: (rival: LateRival) => void, list = rivalsOf) {
    this.#tell = tell;
    this.#list = list;
  }

  /** Watches a range until the result is disposed of. */
  add(range: WatchedRange): Disposable {
    const watched: Watched = { range, seen: new Set(), told: new Set() };
    this.#watched.add(watched);
    this.#timer ??= setInterval(() => this.look(), EVERY).unref();
    return {
      [Symbol.dispose]: () => {
        this.#watched.delete(watched);
        if (this.#watched.size > 0) return;
        clearInterval(this.#timer);
        this.#timer = undefined;
      },
    };
  }

  look(): void {
    for (const watched of this.#watched) {
      const rivals = this.#rivals(watched.range);
      for (const rival of rivals) if (watched.seen.has(rival.inode)) this.#tellOnce(watched, rival);
      watched.seen = new Set(rivals.map(({ inode }) => inode));
    }
  }

  #rivals({ proto, address, from, to }: WatchedRange): BoundSocket[] {
    try {
      return this.#list(proto, address, from, to).filter(({ connected }) => !connected);
    } catch {
      // No descriptor is left, or the list never stood still: nobody waits for this look, and the next comes soon.
      return [];
    }
  }

  #tellOnce({ range, told }: Watched, { inode, port }: BoundSocket): void {
    if (told.has(inode)) return;
    told.add(inode);
    this.#tell({ ...range, port, program: socketHolder([inode]) });
  }
}
