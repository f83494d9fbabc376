import { keyToText, type NameKey } from "./name.ts";
import type { NameEntry, NetworkTable } from "./zones.ts";

/** A name that means one container on `winner` and another on `hidden`, both networks of `sandboxId`. */
export interface Collision {
  readonly sandboxId: string;
  readonly name: string;
  readonly winner: { readonly networkId: string; readonly networkName: string };
  readonly hidden: { readonly networkId: string; readonly networkName: string };
}

/**
 * Containers that have the same networks in the same order see the same collisions, so they are found once for all of them: a change of one name
 * costs one look into each of the group's networks, however many containers there are.
 */
export class CollisionGroup {
  readonly #tables: readonly NetworkTable[];
  readonly #tell: (collision: Collision) => void;
  readonly #members = new Set<string>();
  /** Colliding names, with the two networks. */
  readonly #found = new Map<NameKey, readonly [NetworkTable, NetworkTable]>();

  constructor(tables: readonly NetworkTable[], tell: (collision: Collision) => void) {
    this.#tables = tables;
    this.#tell = tell;
    for (const table of tables) table.groups.add(this);
    // All but the largest: a name on two networks is on at least one of those.
    const bySize = [...tables].sort((a, b) => a.names.size - b.names.size);
    for (const table of bySize.slice(0, -1)) for (const key of table.names.keys()) this.check(key);
  }

  join(sandboxId: string): void {
    if (this.#members.has(sandboxId)) return;
    this.#members.add(sandboxId);
    for (const [key, pair] of this.#found) this.#report(sandboxId, key, pair);
  }

  /** @returns true when nobody is left */
  leave(sandboxId: string): boolean {
    this.#members.delete(sandboxId);
    if (this.#members.size > 0) return false;
    for (const table of this.#tables) table.groups.delete(this);
    return true;
  }

  /** The name's entry changed in one of the networks. */
  check(key: NameKey): void {
    const pair = this.#collision(key);
    const known = this.#found.get(key);
    if (!pair) {
      if (known) this.#found.delete(key);
      return;
    }
    if (known?.[0] === pair[0] && known[1] === pair[1]) return;
    this.#found.set(key, pair);
    for (const sandboxId of this.#members) this.#report(sandboxId, key, pair);
  }

  #collision(key: NameKey): readonly [NetworkTable, NetworkTable] | undefined {
    let winner: NetworkTable | undefined;
    let first: NameEntry | undefined;
    for (const table of this.#tables) {
      const entry = table.names.get(key);
      if (!entry) continue;
      if (!first) [winner, first] = [table, entry];
      else if (!shareOwner(first, entry)) return [winner!, table];
    }
    return undefined;
  }

  #report(sandboxId: string, key: NameKey, [winner, hidden]: readonly [NetworkTable, NetworkTable]): void {
    this.#tell({
      sandboxId,
      name: keyToText(key),
      winner: { networkId: winner.id, networkName: winner.name },
      hidden: { networkId: hidden.id, networkName: hidden.name },
    });
  }
}

/** One container in common is enough: a service's containers join their networks one after the other. */
function shareOwner(a: NameEntry, b: NameEntry): boolean {
  if (a.owners.length === 1 && b.owners.length === 1) return a.owners[0]!.owner === b.owners[0]!.owner;
  const owners = new Set(a.owners.map((record) => record.owner));
  return b.owners.some((record) => owners.has(record.owner));
}
