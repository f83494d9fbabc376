import { bytesToMac, macToBytes } from "#base";
import {
  AttributeReader,
  buildRequest,
  type NetlinkRequest,
  NLM_F_CREATE,
  NLM_F_EXCL,
  type PayloadWriter,
  type RawAttribute,
} from "#kernel/netlink";
import { type BridgePort, decodeBridgePort, encodeBridgePort } from "./bridge-port.ts";
import {
  IFF_LOWER_UP,
  IFF_NOARP,
  IFF_PROMISC,
  IFF_RUNNING,
  IFF_UP,
  RTEXT_FILTER_SKIP_STATS,
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_NEWLINK,
} from "./constants.ts";
import { decodeLinkInfo, encodeLinkInfo, hasLinkData, isKnownKind, type LinkInfo } from "./link-kinds.ts";
import { decodeLinkStats, type LinkStats } from "./link-stats.ts";

const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_LINK = 5;
const IFLA_MASTER = 10;
const IFLA_TXQLEN = 13;
const IFLA_OPERSTATE = 16;
const IFLA_LINKINFO = 18;
const IFLA_IFALIAS = 20;
const IFLA_STATS64 = 23;
const IFLA_GROUP = 27;
const IFLA_NET_NS_FD = 28;
const IFLA_EXT_MASK = 29;
const IFLA_PROMISCUITY = 30;
const IFLA_CARRIER = 33;
const IFLA_LINK_NETNSID = 37;
const IFLA_PROP_LIST = 52;
const IFLA_ALT_IFNAME = 53;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const IFLA_INFO_SLAVE_KIND = 4;
const IFLA_INFO_SLAVE_DATA = 5;
const VETH_INFO_PEER = 1;

/** RFC 2863 names of IFLA_OPERSTATE, as `ip link` prints them in capitals. */
const OPERATIONAL_STATES = ["unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up"] as const;
export type OperationalState = (typeof OPERATIONAL_STATES)[number];

/** A network interface as the kernel describes it. */
export interface Link {
  readonly index: number;
  readonly name: string;
  /** IFLA_ALT_IFNAME: the kernel takes any of them where it takes the name. */
  readonly alternativeNames?: readonly string[];
  /** ARPHRD_*: 1 Ethernet, 772 loopback. */
  readonly hardwareType: number;
  /** IFF_* bits. */
  readonly flags: number;
  readonly up: boolean;
  /** IFF_PROMISC: someone asked for it by the flag; see `promiscuity` for the kernel's own count. */
  readonly promiscuous: boolean;
  readonly carrier: boolean;
  readonly operationalState: OperationalState;
  readonly mtu: number;
  readonly mac?: string;
  readonly alias?: string;
  /** Index of the bridge, bond or VRF it is a port of. */
  readonly master?: number;
  /** Index of a veth's peer or of a parent: in this namespace unless `parentNamespaceId` is there. */
  readonly parent?: number;
  /** The kernel's number, in this namespace, of the one `parent` is in. */
  readonly parentNamespaceId?: number;
  readonly promiscuity: number;
  /** IFLA_GROUP, 0 unless someone set it. */
  readonly group: number;
  /** IFLA_INFO_KIND: absent for physical links and loopback. */
  readonly kind?: string;
  /** Attributes of the kind, when it is one we know. */
  readonly info?: LinkInfo;
  /** Kind of the master, `bridge`. */
  readonly portKind?: string;
  readonly bridgePort?: BridgePort;
  readonly stats?: LinkStats;
  /** Attributes this codec does not interpret; only when asked for. */
  readonly unknown?: readonly RawAttribute[];
}

/** What a request can say of a link. What is absent stays as it is, or as the kernel makes it. */
export interface LinkRequest {
  /** In a create, the name; in a change, which link, unless `index` says that: then it is the new name. At most 15 bytes. */
  readonly name?: string;
  /** In a change, which link. In a create, the index to give it. */
  readonly index?: number;
  readonly mac?: string;
  /** A bridge keeps it only when it is set by a change; given in a create it follows its ports. */
  readonly mtu?: number;
  /** IFLA_IFALIAS. The kernel ignores it in a create: send a change after it. */
  readonly alias?: string;
  /** Index of the bridge to be a port of; 0 releases. */
  readonly master?: number;
  /** Index of the parent (IFLA_LINK), in the namespace of the socket. */
  readonly parent?: number;
  /** The namespace to make it in or move it to; must be open when the request is sent. */
  readonly namespace?: { readonly fd: number };
  readonly txQueueLength?: number;
  /** A number that links can be deleted by, all at once. */
  readonly group?: number;
  readonly up?: boolean;
  readonly promiscuous?: boolean;
  readonly arp?: boolean;
  readonly info?: LinkInfo;
  /** The other end of a veth. It cannot be made up (ENOTCONN), and its `index` counts only when the link's own is given too. */
  readonly peer?: Omit<LinkRequest, "up" | "peer" | "info" | "bridgePort" | "alias">;
  /** Only in a change of a link that is a port already. */
  readonly bridgePort?: BridgePort;
}

/*
 * struct ifinfomsg
 *  0  u8  family, pad
 *  2  u16 type
 *  4  i32 index
 *  8  u32 flags
 * 12  u32 change mask
 */
const IFINFOMSG = 16;

function encodeLink(writer: PayloadWriter, request: LinkRequest): void {
  let flags = 0;
  let change = 0;
  const flag = (bit: number, value: boolean | undefined): void => {
    if (value === undefined) return;
    change |= bit;
    if (value) flags |= bit;
  };
  flag(IFF_UP, request.up);
  flag(IFF_PROMISC, request.promiscuous);
  flag(IFF_NOARP, request.arp === undefined ? undefined : !request.arp);
  writer
    .u32(0)
    .u32(request.index ?? 0)
    .u32(flags)
    .u32(change);
  // In the order in which `ip link` writes them, so that its bytes can be compared with ours.
  if (request.parent !== undefined) writer.attrU32(IFLA_LINK, request.parent);
  if (request.mac !== undefined) writer.attrBytes(IFLA_ADDRESS, macToBytes(request.mac));
  if (request.mtu !== undefined) writer.attrU32(IFLA_MTU, request.mtu);
  if (request.master !== undefined) writer.attrU32(IFLA_MASTER, request.master);
  if (request.txQueueLength !== undefined) writer.attrU32(IFLA_TXQLEN, request.txQueueLength);
  if (request.group !== undefined) writer.attrU32(IFLA_GROUP, request.group);
  // No NUL: the kernel would keep it as part of the alias.
  if (request.alias !== undefined) writer.attrBytes(IFLA_IFALIAS, Buffer.from(request.alias, "utf8"));
  if (request.namespace) writer.attrU32(IFLA_NET_NS_FD, request.namespace.fd);
  if (request.name !== undefined) writer.attrString(IFLA_IFNAME, request.name);
  const { info, peer, bridgePort } = request;
  if (!info && !bridgePort) return;
  writer.nest(IFLA_LINKINFO, () => {
    if (info) {
      writer.attrBytes(IFLA_INFO_KIND, Buffer.from(info.kind));
      if (peer || hasLinkData(info)) {
        writer.nest(IFLA_INFO_DATA, () => {
          encodeLinkInfo(writer, info);
          if (peer) writer.nest(VETH_INFO_PEER, () => encodeLink(writer, peer));
        });
      }
    }
    if (bridgePort) {
      writer.attrString(IFLA_INFO_SLAVE_KIND, "bridge");
      writer.nest(IFLA_INFO_SLAVE_DATA, () => encodeBridgePort(writer, bridgePort));
    }
  });
}

const nameOf = (request: { readonly name?: string; readonly index?: number }): string => request.name ?? `#${request.index ?? 0}`;

/** `ip link add`. @returns a request that fails with EEXIST when the name is taken */
export function encodeNewLink(request: LinkRequest & { readonly info: LinkInfo }): NetlinkRequest {
  return buildRequest(`RTM_NEWLINK ${nameOf(request)}`, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, (writer) => encodeLink(writer, request));
}

/** `ip link set`: RTM_NEWLINK without NLM_F_CREATE, because RTM_SETLINK leaves a bridge port's attributes out. */
export function encodeSetLink(request: LinkRequest): NetlinkRequest {
  return buildRequest(`RTM_SETLINK ${nameOf(request)}`, RTM_NEWLINK, 0, (writer) => encodeLink(writer, request));
}

/** `ip link delete`. The kernel waits for its readers, 20 ms and more each time: see `encodeDeleteLinkGroup`. */
export function encodeDeleteLink(which: { readonly name: string } | { readonly index: number }): NetlinkRequest {
  return buildRequest(`RTM_DELLINK ${nameOf(which)}`, RTM_DELLINK, 0, (writer) => encodeLink(writer, which));
}

/**
 * `ip link delete group`: every link of the group in one go, at the price of one (40 veths: 51 ms here, against 800). Never group 0, which is
 * every link that nobody put in one.
 */
export function encodeDeleteLinkGroup(group: number): NetlinkRequest {
  if (group === 0) throw new RangeError("Cannot delete link group 0: it is the group of all links that have none");
  return buildRequest(`RTM_DELLINK group ${group}`, RTM_DELLINK, 0, (writer) =>
    writer.raw(new Uint8Array(IFINFOMSG)).attrU32(IFLA_GROUP, group),
  );
}

/** `ip link show dev`: one link. `stats` asks for the protocols' counters too, which cost the kernel most. */
export function encodeGetLink(which: { readonly name: string } | { readonly index: number }, stats = false): NetlinkRequest {
  return buildRequest(`RTM_GETLINK ${nameOf(which)}`, RTM_GETLINK, 0, (writer) => {
    encodeLink(writer, which);
    if (!stats) writer.attrU32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  });
}

export interface LinkFilter {
  /** Only ports of that bridge. */
  readonly master?: number;
  /** Only links of that kind. */
  readonly kind?: string;
  readonly stats?: boolean;
}

/** `ip link show`, filtered by the kernel. */
export function encodeDumpLinks(filter: LinkFilter = {}): NetlinkRequest {
  return buildRequest("RTM_GETLINK", RTM_GETLINK, 0, (writer) => {
    writer.raw(new Uint8Array(IFINFOMSG));
    if (!filter.stats) writer.attrU32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    if (filter.master !== undefined) writer.attrU32(IFLA_MASTER, filter.master);
    const { kind } = filter;
    if (kind) writer.nest(IFLA_LINKINFO, () => writer.attrString(IFLA_INFO_KIND, kind));
  });
}

export interface DecodeOptions {
  /** Keep attributes that the codec does not interpret, copied. */
  readonly unknown?: boolean;
  /** Read a link's counters, which come with every answer. */
  readonly stats?: boolean;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Reads the payload of RTM_NEWLINK or RTM_DELLINK. @throws ShortReadError */
export function decodeLink(payload: Uint8Array, options: DecodeOptions = {}): Link {
  const reader = new AttributeReader(payload, IFINFOMSG);
  const flags = reader.headU32(8);
  const unknown: RawAttribute[] | undefined = options.unknown ? [] : undefined;
  const link: Mutable<Link> = {
    index: reader.headU32(4),
    name: "",
    hardwareType: reader.headU16(2),
    flags,
    up: (flags & IFF_UP) !== 0,
    promiscuous: (flags & IFF_PROMISC) !== 0,
    carrier: (flags & IFF_LOWER_UP) !== 0,
    operationalState: flags & IFF_RUNNING ? "unknown" : "down",
    mtu: 0,
    promiscuity: 0,
    group: 0,
  };
  while (reader.next()) {
    switch (reader.type) {
      case IFLA_IFNAME:
        link.name = reader.string();
        break;
      case IFLA_ADDRESS:
        if (reader.length === 6) link.mac = bytesToMac(reader.bytes());
        else unknown?.push(reader.raw());
        break;
      case IFLA_MTU:
        link.mtu = reader.u32();
        break;
      case IFLA_LINK:
        // A parent index of 0 is a tunnel without one.
        if (reader.u32() !== 0) link.parent = reader.u32();
        break;
      case IFLA_LINK_NETNSID:
        link.parentNamespaceId = reader.i32();
        break;
      case IFLA_MASTER:
        link.master = reader.u32();
        break;
      case IFLA_IFALIAS:
        link.alias = reader.string();
        break;
      case IFLA_OPERSTATE:
        link.operationalState = OPERATIONAL_STATES[reader.u8()] ?? "unknown";
        break;
      case IFLA_CARRIER:
        link.carrier = reader.u8() !== 0;
        break;
      case IFLA_PROMISCUITY:
        link.promiscuity = reader.u32();
        break;
      case IFLA_GROUP:
        link.group = reader.u32();
        break;
      case IFLA_PROP_LIST:
        link.alternativeNames = decodeAlternativeNames(reader.nested());
        break;
      case IFLA_STATS64:
        if (options.stats) link.stats = decodeLinkStats(reader);
        break;
      case IFLA_LINKINFO:
        decodeLinkInfoNest(link, reader.nested(), unknown);
        break;
      default:
        unknown?.push(reader.raw());
    }
  }
  if (unknown) link.unknown = unknown;
  return link;
}

function decodeAlternativeNames(reader: AttributeReader): string[] {
  const names: string[] = [];
  while (reader.next()) if (reader.type === IFLA_ALT_IFNAME) names.push(reader.string());
  return names;
}

function decodeLinkInfoNest(link: Mutable<Link>, reader: AttributeReader, unknown: RawAttribute[] | undefined): void {
  let data: AttributeReader | undefined;
  let portData: AttributeReader | undefined;
  while (reader.next()) {
    if (reader.type === IFLA_INFO_KIND) link.kind = reader.string();
    else if (reader.type === IFLA_INFO_DATA) data = reader.nested();
    else if (reader.type === IFLA_INFO_SLAVE_KIND) link.portKind = reader.string();
    else if (reader.type === IFLA_INFO_SLAVE_DATA) portData = reader.nested();
    else unknown?.push(reader.raw());
  }
  if (link.kind !== undefined && isKnownKind(link.kind)) link.info = decodeLinkInfo(link.kind, data ?? new AttributeReader(NOTHING));
  if (link.portKind === "bridge" && portData) link.bridgePort = decodeBridgePort(portData);
}

const NOTHING = new Uint8Array(0);
