import { HOST, macToBytes, notFound } from "#base";
import { ANCILLARY, BPF, type BpfInstruction, openPacket, packetAddress, type Socket } from "#kernel/ffi";
import { enter } from "#kernel/netns";
import { RouteSocket } from "#kernel/rtnetlink";

const SOL_PACKET = 263;
const PACKET_ADD_MEMBERSHIP = 1;
const PACKET_DROP_MEMBERSHIP = 2;
const PACKET_MR_MULTICAST = 0;
const PACKET_MR_UNICAST = 3;
const PACKET_OTHERHOST = 3;
const IFF_NOARP = 0x80;

const EVERYTHING: readonly BpfInstruction[] = [[BPF.ret, 0, 0, 0xffff]];

/**
 * A socket of one ethertype on a trunk is also given the frames of its VLANs, which are other LANs. Their tags are off by then: what tells them is the
 * VLAN's own link, or where there is none that they count as somebody else's. So do those for MACs that a raw port wants to `hear()`.
 */
const ownFrames = (index: number, raw: boolean): readonly BpfInstruction[] => [
  [BPF.ld, 0, 0, ANCILLARY.ifindex],
  [BPF.jeq, 1, 0, index],
  [BPF.ret, 0, 0, 0],
  ...(raw ? [] : NOT_FOR_OTHERS),
];
const NOT_FOR_OTHERS: readonly BpfInstruction[] = [
  [BPF.ld, 0, 0, ANCILLARY.packetType],
  [BPF.jeq, 0, 1, PACKET_OTHERHOST],
  [BPF.ret, 0, 0, 0],
];

export interface LinkPortOptions {
  readonly namespace?: string;
  readonly link: string;
  /** 0 receives nothing. */
  readonly ethertype: number;
  readonly filter?: readonly BpfInstruction[];
  /** Frames have their Ethernet header, go out with whatever source it says, and come in for whatever MAC. */
  readonly raw?: boolean;
}

/** A packet socket on one link, with what one needs to know of the link. Frames come and go without their Ethernet header unless it is raw. */
export class LinkPort implements Disposable {
  readonly index: number;
  readonly mac: string;
  /** Up and with carrier: what is sent can arrive. */
  readonly running: boolean;
  /** ipvlan l3: the link has no neighbours. */
  readonly noArp: boolean;
  readonly socket: Socket;

  /** @throws notFound when there is no such link; SystemError when the kernel refuses */
  constructor({ namespace = HOST, link: name, ethertype, filter = EVERYTHING, raw = false }: LinkPortOptions) {
    using route = RouteSocket.open(namespace);
    const link = route.link(name);
    if (!link)
      throw notFound(`no link ${name}${namespace === HOST ? "" : ` in ${namespace}`}`, { code: "no-such-link", context: { name } });
    this.index = link.index;
    this.mac = link.mac ?? "00:00:00:00:00:00";
    this.running = link.up && link.carrier;
    this.noArp = (link.flags & IFF_NOARP) !== 0;
    this.socket = enter(namespace, () => openPacket(link.index, ethertype, { raw, filter: [...ownFrames(link.index, raw), ...filter] }));
  }

  /** Lets the link hear a multicast MAC until as many times `leave()` is called, or the socket closed. */
  join(mac: string): void {
    this.#member(PACKET_ADD_MEMBERSHIP, PACKET_MR_MULTICAST, mac);
  }

  leave(mac: string): void {
    this.#member(PACKET_DROP_MEMBERSHIP, PACKET_MR_MULTICAST, mac);
  }

  /** Lets the link hear a unicast MAC that is not its own, while the socket is open. */
  hear(mac: string): void {
    this.#member(PACKET_ADD_MEMBERSHIP, PACKET_MR_UNICAST, mac);
  }

  /** struct packet_mreq */
  #member(action: number, type: number, mac: string): void {
    const request = Buffer.alloc(16);
    request.writeInt32LE(this.index, 0);
    request.writeUInt16LE(type, 4);
    request.writeUInt16LE(6, 6);
    request.set(macToBytes(mac), 8);
    this.socket.setOption(SOL_PACKET, action, request);
  }

  send(ethertype: number, destination: string, payload: Uint8Array): void {
    this.socket.sendTo(payload, packetAddress(this.index, ethertype, macToBytes(destination)));
  }

  /** Of a raw port: a frame with its header. */
  sendFrame(frame: Uint8Array): void {
    this.socket.send(frame);
  }

  [Symbol.dispose](): void {
    this.socket.close();
  }
}
