/** What a switch port does to frames; change it at any time. */
export interface PortPolicy {
  /** Access port: frames without a tag belong to this VLAN, tagged frames are dropped. Without it the port is a trunk, and frames pass as they are. */
  accessVlan?: number;
  /** Frames may leave by the port they came in by (802.1Qbg reflective relay), as macvlan and ipvlan in vepa mode need it. */
  reflectiveRelay?: boolean;
  /** Only this source MAC may send, as clouds and vSwitches ("no forged transmits") have it. */
  lockedMac?: string;
  /** Source MACs the port learns at most; frames of further ones are dropped (port security). */
  maxMacs?: number;
  /** Share of frames lost on the way in, 0 to 1. */
  loss?: number;
  /** No frame goes in or out. */
  cut?: boolean;
}

export interface Delivery {
  readonly port: number;
  readonly frame: Buffer;
}

const TPID = 0x8100;
const isGroup = (frame: Buffer) => ((frame[0] ?? 0) & 1) === 1;
const macAt = (frame: Buffer, offset: number) => frame.toString("hex", offset, offset + 6);
const compact = (mac: string) => mac.replaceAll(":", "").toLowerCase();

/**
 * The forwarding of a VLAN-aware learning switch, without its sockets. Inside, a frame of an access port is tagged (IEEE 802.1Q, 4 bytes at offset 12),
 * and addresses are learned per VLAN; 0 stands for untagged.
 */
export class Forwarding {
  readonly policies = new Map<number, PortPolicy>();
  /** `vlan mac` → port. */
  readonly #learned = new Map<string, number>();
  readonly #partitions = new Set<string>();
  readonly #random: () => number;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  addPort(port: number, policy: PortPolicy = {}): void {
    this.policies.set(port, policy);
  }

  /** Forgets what was learned on a port. */
  forget(port: number): void {
    for (const [key, owner] of this.#learned) if (owner === port) this.#learned.delete(key);
  }

  /** Stops (or lets pass again) what goes between two ports, both ways. */
  setPartition(one: number, other: number, parted: boolean): void {
    const key = [one, other].sort().join(" ");
    if (parted) this.#partitions.add(key);
    else this.#partitions.delete(key);
  }

  /** Where a frame that came in by `port` goes, and in what form. */
  forward(port: number, frame: Buffer): Delivery[] {
    const policy = this.policies.get(port);
    if (!policy || policy.cut || frame.length < 14) return [];
    if (policy.loss !== undefined && this.#random() < policy.loss) return [];
    const source = macAt(frame, 6);
    if (policy.lockedMac !== undefined && source !== compact(policy.lockedMac)) return [];
    const inner = enter(frame, policy);
    if (!inner) return [];
    const vlan = vlanOf(inner);
    if (!this.#learn(port, vlan, source, policy.maxMacs)) return [];
    const known = isGroup(inner) ? undefined : this.#learned.get(`${vlan} ${macAt(inner, 0)}`);
    const targets = known === undefined ? [...this.policies.keys()] : [known];
    return targets.flatMap((target) => {
      const out = this.policies.get(target);
      if (!out || out.cut || (target === port && !policy.reflectiveRelay)) return [];
      if (this.#partitions.has([port, target].sort().join(" "))) return [];
      const outer = leave(inner, out);
      return outer ? [{ port: target, frame: outer }] : [];
    });
  }

  #learn(port: number, vlan: number, source: string, limit: number | undefined): boolean {
    const key = `${vlan} ${source}`;
    if (limit !== undefined && this.#learned.get(key) !== port) {
      const count = new Set([...this.#learned].filter(([, owner]) => owner === port).map(([each]) => each.split(" ")[1])).size;
      if (count >= limit) return false;
    }
    this.#learned.set(key, port);
    return true;
  }
}

/** VLAN id of a frame's 802.1Q tag; 0 without one. */
export function vlanOf(frame: Buffer): number {
  return frame.length >= 16 && frame.readUInt16BE(12) === TPID ? frame.readUInt16BE(14) & 0xfff : 0;
}

function enter(frame: Buffer, policy: PortPolicy): Buffer | undefined {
  if (policy.accessVlan === undefined) return frame;
  if (vlanOf(frame) !== 0) return undefined;
  const tag = Buffer.alloc(4);
  tag.writeUInt16BE(TPID, 0);
  tag.writeUInt16BE(policy.accessVlan, 2);
  return Buffer.concat([frame.subarray(0, 12), tag, frame.subarray(12)]);
}

function leave(frame: Buffer, policy: PortPolicy): Buffer | undefined {
  if (policy.accessVlan === undefined) return frame;
  if (vlanOf(frame) !== policy.accessVlan) return undefined;
  return Buffer.concat([frame.subarray(0, 12), frame.subarray(16)]);
}
