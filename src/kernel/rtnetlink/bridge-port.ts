import { AttributeReader, type PayloadWriter, type RawAttribute } from "#kernel/netlink";
import { AF_BRIDGE } from "./constants.ts";

/** What a bridge keeps of one of its ports, IFLA_INFO_SLAVE_DATA of kind `bridge` (IFLA_BRPORT_* of linux/if_link.h). */
export interface BridgePort {
  /** IFLA_BRPORT_STATE, 3 is forwarding; read only. */
  readonly state?: number;
  /** IFLA_BRPORT_MODE: frames may leave by the port they came in on. */
  readonly hairpin?: boolean;
  /** Isolated ports reach only ports that are not. */
  readonly isolated?: boolean;
  readonly learning?: boolean;
  /** Frames to unknown MACs go out here. */
  readonly flood?: boolean;
  readonly neighbourSuppress?: boolean;
}

const IFLA_BRPORT_STATE = 1;
const SWITCHES = { hairpin: 4, learning: 8, flood: 9, neighbourSuppress: 32, isolated: 33 } as const;
const entries = Object.entries(SWITCHES) as [keyof typeof SWITCHES, number][];
const byType = new Map(entries.map(([name, type]) => [type, name]));

export function encodeBridgePort(writer: PayloadWriter, port: BridgePort): void {
  for (const [name, type] of entries) if (port[name] !== undefined) writer.attrU8(type, Number(port[name]));
}

/** @throws ShortReadError */
export function decodeBridgePort(reader: AttributeReader, unknown?: RawAttribute[]): BridgePort {
  const port: { -readonly [K in keyof BridgePort]: BridgePort[K] } = {};
  while (reader.next()) {
    const name = byType.get(reader.type);
    if (name) port[name] = reader.u8() !== 0;
    else if (reader.type === IFLA_BRPORT_STATE) port.state = reader.u8();
    else unknown?.push(reader.raw());
  }
  return port;
}

/** What a bridge tells its listeners of a port. */
export interface BridgePortChange {
  readonly index: number;
  readonly name: string;
  /** Index of the bridge. */
  readonly master?: number;
  readonly port: BridgePort;
}

const IFINFOMSG = 16;
const IFLA_IFNAME = 3;
const IFLA_MASTER = 10;
const IFLA_PROTINFO = 12;

/** Reads the RTM_NEWLINK or RTM_DELLINK of family AF_BRIDGE; undefined for any other family, and for the bridge's message of itself. @throws ShortReadError */
export function decodeBridgePortChange(payload: Uint8Array): BridgePortChange | undefined {
  const reader = new AttributeReader(payload, IFINFOMSG);
  if (reader.headU8(0) !== AF_BRIDGE) return undefined;
  const change: { -readonly [K in keyof BridgePortChange]: BridgePortChange[K] } = { index: reader.headU32(4), name: "", port: {} };
  while (reader.next()) {
    if (reader.type === IFLA_IFNAME) change.name = reader.string();
    else if (reader.type === IFLA_MASTER) change.master = reader.u32();
    else if (reader.type === IFLA_PROTINFO) change.port = decodeBridgePort(reader.nested());
  }
  return change.master === undefined ? undefined : change;
}
