import { familyOf, ipToBytes } from "#base";
import type { AttributeReader, PayloadWriter, RawAttribute } from "#kernel/netlink";
import { readIp } from "./family.ts";

/** Attributes of the kinds of link we know, IFLA_INFO_DATA of linux/if_link.h. Bridge times are centiseconds, VXLAN's are seconds, as the kernel has them. */
export type LinkInfo = BridgeInfo | VethInfo | MacvlanInfo | IpvlanInfo | VlanInfo | VxlanInfo | DummyInfo;

export interface BridgeInfo {
  readonly kind: "bridge";
  readonly multicastSnooping?: boolean;
  readonly vlanFiltering?: boolean;
  readonly stp?: boolean;
  readonly forwardDelay?: number;
  readonly ageingTime?: number;
}

/** The peer is written by `link.ts`, being a link itself; the kernel never tells it. */
export interface VethInfo {
  readonly kind: "veth";
}

export const MACVLAN_MODES = { private: 1, vepa: 2, bridge: 4, passthru: 8, source: 16 } as const;
export type MacvlanMode = keyof typeof MACVLAN_MODES;

export interface MacvlanInfo {
  readonly kind: "macvlan";
  readonly mode: MacvlanMode;
  /** MACVLAN_FLAG_NOPROMISC: a passthru link does not make its parent promiscuous. */
  readonly noPromiscuous?: boolean;
}

export const IPVLAN_MODES = { l2: 0, l3: 1, l3s: 2 } as const;
export type IpvlanMode = keyof typeof IPVLAN_MODES;
export const IPVLAN_FLAGS = { bridge: 0, private: 1, vepa: 2 } as const;
export type IpvlanFlag = keyof typeof IPVLAN_FLAGS;

export interface IpvlanInfo {
  readonly kind: "ipvlan";
  readonly mode: IpvlanMode;
  readonly flag: IpvlanFlag;
}

export interface VlanInfo {
  readonly kind: "vlan";
  /** 1 to 4094. */
  readonly id: number;
  readonly protocol?: "802.1Q" | "802.1ad";
}

export interface VxlanInfo {
  readonly kind: "vxlan";
  /** VNI, 24 bits. */
  readonly id: number;
  /** Source address of the tunnel. */
  readonly local?: string;
  /** Multicast group or the one remote VTEP. */
  readonly remote?: string;
  /** Index of the underlay link. */
  readonly link?: number;
  /** UDP destination port; the kernel's default is 8472, IANA's is 4789. */
  readonly port?: number;
  readonly ttl?: number;
  readonly learning?: boolean;
  readonly proxy?: boolean;
  readonly l2miss?: boolean;
  readonly l3miss?: boolean;
  readonly ageingTime?: number;
}

export interface DummyInfo {
  readonly kind: "dummy";
}

const IFLA_BR_FORWARD_DELAY = 1;
const IFLA_BR_AGEING_TIME = 4;
const IFLA_BR_STP_STATE = 5;
const IFLA_BR_VLAN_FILTERING = 7;
const IFLA_BR_MCAST_SNOOPING = 23;
const IFLA_MACVLAN_MODE = 1;
const IFLA_MACVLAN_FLAGS = 2;
const MACVLAN_FLAG_NOPROMISC = 1;
const IFLA_IPVLAN_MODE = 1;
const IFLA_IPVLAN_FLAGS = 2;
const IFLA_VLAN_ID = 1;
const IFLA_VLAN_PROTOCOL = 5;
const IFLA_VXLAN_ID = 1;
const IFLA_VXLAN_GROUP = 2;
const IFLA_VXLAN_LINK = 3;
const IFLA_VXLAN_LOCAL = 4;
const IFLA_VXLAN_TTL = 5;
const IFLA_VXLAN_LEARNING = 7;
const IFLA_VXLAN_AGEING = 8;
const IFLA_VXLAN_PROXY = 11;
const IFLA_VXLAN_L2MISS = 13;
const IFLA_VXLAN_L3MISS = 14;
const IFLA_VXLAN_PORT = 15;
const IFLA_VXLAN_GROUP6 = 16;
const IFLA_VXLAN_LOCAL6 = 17;
const ETH_P_8021Q = 0x8100;
const ETH_P_8021AD = 0x88a8;

const optionalU8 = (writer: PayloadWriter, type: number, value: boolean | number | undefined): void => {
  if (value !== undefined) writer.attrU8(type, Number(value));
};
const optionalU32 = (writer: PayloadWriter, type: number, value: boolean | number | undefined): void => {
  if (value !== undefined) writer.attrU32(type, Number(value));
};

/** False when the kind has nothing to say, and IFLA_INFO_DATA stays out. */
export const hasLinkData = (info: LinkInfo): boolean => Object.keys(info).length > 1;

/** Writes the inside of IFLA_INFO_DATA. */
export function encodeLinkInfo(writer: PayloadWriter, info: LinkInfo): void {
  switch (info.kind) {
    case "bridge":
      optionalU32(writer, IFLA_BR_FORWARD_DELAY, info.forwardDelay);
      optionalU32(writer, IFLA_BR_AGEING_TIME, info.ageingTime);
      optionalU32(writer, IFLA_BR_STP_STATE, info.stp);
      optionalU8(writer, IFLA_BR_VLAN_FILTERING, info.vlanFiltering);
      optionalU8(writer, IFLA_BR_MCAST_SNOOPING, info.multicastSnooping);
      return;
    case "macvlan":
      writer.attrU32(IFLA_MACVLAN_MODE, MACVLAN_MODES[info.mode]);
      if (info.noPromiscuous !== undefined) writer.attrU16(IFLA_MACVLAN_FLAGS, info.noPromiscuous ? MACVLAN_FLAG_NOPROMISC : 0);
      return;
    case "ipvlan":
      writer.attrU16(IFLA_IPVLAN_MODE, IPVLAN_MODES[info.mode]);
      writer.attrU16(IFLA_IPVLAN_FLAGS, IPVLAN_FLAGS[info.flag]);
      return;
    case "vlan":
      if (info.protocol) writer.attrU16be(IFLA_VLAN_PROTOCOL, info.protocol === "802.1ad" ? ETH_P_8021AD : ETH_P_8021Q);
      writer.attrU16(IFLA_VLAN_ID, info.id);
      return;
    case "vxlan":
      optionalU32(writer, IFLA_VXLAN_LINK, info.link);
      optionalU8(writer, IFLA_VXLAN_PROXY, info.proxy);
      optionalU8(writer, IFLA_VXLAN_L2MISS, info.l2miss);
      optionalU8(writer, IFLA_VXLAN_L3MISS, info.l3miss);
      writer.attrU32(IFLA_VXLAN_ID, info.id);
      if (info.local) writer.attrBytes(familyOf(info.local) === 4 ? IFLA_VXLAN_LOCAL : IFLA_VXLAN_LOCAL6, ipToBytes(info.local));
      if (info.remote) writer.attrBytes(familyOf(info.remote) === 4 ? IFLA_VXLAN_GROUP : IFLA_VXLAN_GROUP6, ipToBytes(info.remote));
      optionalU8(writer, IFLA_VXLAN_TTL, info.ttl);
      optionalU8(writer, IFLA_VXLAN_LEARNING, info.learning);
      optionalU32(writer, IFLA_VXLAN_AGEING, info.ageingTime);
      if (info.port !== undefined) writer.attrU16be(IFLA_VXLAN_PORT, info.port);
      return;
    case "veth":
    case "dummy":
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Decoder = (reader: AttributeReader, unknown: RawAttribute[] | undefined) => LinkInfo;

function keyOf<T extends Record<string, number>>(table: T, value: number, fallback: keyof T): keyof T {
  for (const key in table) if (table[key] === value) return key;
  return fallback;
}

const DECODERS: Readonly<Record<LinkInfo["kind"], Decoder>> = {
  bridge(reader, unknown) {
    const info: Mutable<BridgeInfo> = { kind: "bridge" };
    while (reader.next()) {
      if (reader.type === IFLA_BR_MCAST_SNOOPING) info.multicastSnooping = reader.u8() !== 0;
      else if (reader.type === IFLA_BR_VLAN_FILTERING) info.vlanFiltering = reader.u8() !== 0;
      else if (reader.type === IFLA_BR_STP_STATE) info.stp = reader.u32() !== 0;
      else if (reader.type === IFLA_BR_FORWARD_DELAY) info.forwardDelay = reader.u32();
      else if (reader.type === IFLA_BR_AGEING_TIME) info.ageingTime = reader.u32();
      else unknown?.push(reader.raw());
    }
    return info;
  },
  veth(reader, unknown) {
    while (reader.next()) unknown?.push(reader.raw());
    return { kind: "veth" };
  },
  dummy(reader, unknown) {
    while (reader.next()) unknown?.push(reader.raw());
    return { kind: "dummy" };
  },
  macvlan(reader, unknown) {
    const info: Mutable<MacvlanInfo> = { kind: "macvlan", mode: "vepa" };
    while (reader.next()) {
      if (reader.type === IFLA_MACVLAN_MODE) info.mode = keyOf(MACVLAN_MODES, reader.u32(), "vepa");
      else if (reader.type === IFLA_MACVLAN_FLAGS) info.noPromiscuous = (reader.u16() & MACVLAN_FLAG_NOPROMISC) !== 0;
      else unknown?.push(reader.raw());
    }
    return info;
  },
  ipvlan(reader, unknown) {
    const info: Mutable<IpvlanInfo> = { kind: "ipvlan", mode: "l3", flag: "bridge" };
    while (reader.next()) {
      if (reader.type === IFLA_IPVLAN_MODE) info.mode = keyOf(IPVLAN_MODES, reader.u16(), "l3");
      else if (reader.type === IFLA_IPVLAN_FLAGS) info.flag = keyOf(IPVLAN_FLAGS, reader.u16(), "bridge");
      else unknown?.push(reader.raw());
    }
    return info;
  },
  vlan(reader, unknown) {
    const info: Mutable<VlanInfo> = { kind: "vlan", id: 0 };
    while (reader.next()) {
      if (reader.type === IFLA_VLAN_ID) info.id = reader.u16();
      else if (reader.type === IFLA_VLAN_PROTOCOL) info.protocol = reader.u16be() === ETH_P_8021AD ? "802.1ad" : "802.1Q";
      else unknown?.push(reader.raw());
    }
    return info;
  },
  vxlan(reader, unknown) {
    const info: Mutable<VxlanInfo> = { kind: "vxlan", id: 0 };
    while (reader.next()) {
      const { type } = reader;
      if (type === IFLA_VXLAN_ID) info.id = reader.u32();
      else if (type === IFLA_VXLAN_GROUP || type === IFLA_VXLAN_GROUP6) info.remote = readIp(reader);
      else if (type === IFLA_VXLAN_LOCAL || type === IFLA_VXLAN_LOCAL6) info.local = readIp(reader);
      else if (type === IFLA_VXLAN_LINK) info.link = reader.u32();
      else if (type === IFLA_VXLAN_PORT) info.port = reader.u16be();
      else if (type === IFLA_VXLAN_TTL) info.ttl = reader.u8();
      else if (type === IFLA_VXLAN_LEARNING) info.learning = reader.u8() !== 0;
      else if (type === IFLA_VXLAN_PROXY) info.proxy = reader.u8() !== 0;
      else if (type === IFLA_VXLAN_L2MISS) info.l2miss = reader.u8() !== 0;
      else if (type === IFLA_VXLAN_L3MISS) info.l3miss = reader.u8() !== 0;
      else if (type === IFLA_VXLAN_AGEING) info.ageingTime = reader.u32();
      else unknown?.push(reader.raw());
    }
    return info;
  },
};

export const isKnownKind = (kind: string): kind is LinkInfo["kind"] => Object.hasOwn(DECODERS, kind);

/** Reads the inside of IFLA_INFO_DATA of a known kind. @throws ShortReadError */
export const decodeLinkInfo = (kind: LinkInfo["kind"], reader: AttributeReader, unknown?: RawAttribute[]): LinkInfo =>
  DECODERS[kind](reader, unknown);
