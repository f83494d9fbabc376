import { type AttributeReader, ShortReadError } from "#kernel/netlink";

/** The counters of `struct rtnl_link_stats64` that a container's statistics show. They wrap at 2^64 and are read as numbers, exact to 2^53. */
export interface LinkStats {
  readonly rxPackets: number;
  readonly txPackets: number;
  readonly rxBytes: number;
  readonly txBytes: number;
  readonly rxErrors: number;
  readonly txErrors: number;
  readonly rxDropped: number;
  readonly txDropped: number;
}

/*
 * struct rtnl_link_stats64
 *  0 rx_packets   8 tx_packets  16 rx_bytes   24 tx_bytes
 * 32 rx_errors   40 tx_errors   48 rx_dropped 56 tx_dropped …
 */
/** Reads IFLA_STATS64, the current attribute. @throws ShortReadError */
export function decodeLinkStats(reader: AttributeReader): LinkStats {
  const bytes = reader.bytes();
  if (bytes.length < 64) throw new ShortReadError("IFLA_STATS64", 64, bytes.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const counter = (index: number): number => Number(view.getBigUint64(index * 8, true));
  return {
    rxPackets: counter(0),
    txPackets: counter(1),
    rxBytes: counter(2),
    txBytes: counter(3),
    rxErrors: counter(4),
    txErrors: counter(5),
    rxDropped: counter(6),
    txDropped: counter(7),
  };
}
