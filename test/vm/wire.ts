import { type EthernetSwitch, vlanOf } from "#lab";

const ETH_P_IP = 0x0800;

/** What goes over one cable of the switch while it is looked at. */
export class Wire implements Disposable {
  /** VLANs that frames are tagged with; 0 for frames without a tag. */
  readonly tags = new Set<number>();
  /** `10 172.16.10.11`: tag and sender of IPv4 packets. */
  readonly senders = new Set<string>();
  readonly #watch: Disposable;

  constructor(ethernetSwitch: EthernetSwitch, port: string) {
    this.#watch = ethernetSwitch.observe(port, (frame) => this.#see(frame));
  }

  #see(frame: Buffer): void {
    const tag = vlanOf(frame);
    this.tags.add(tag);
    // Ethertype at offset 12, behind the tag of 4 octets if there is one; the sender is 12 octets into the packet.
    const type = tag === 0 ? 12 : 16;
    if (frame.readUInt16BE(type) === ETH_P_IP) this.senders.add(`${tag} ${[...frame.subarray(type + 14, type + 18)].join(".")}`);
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
  }
}
