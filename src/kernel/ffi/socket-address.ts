import { bytesToIp, familyOf, ipToBytes } from "#base";
import { AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX } from "./constants.ts";

/** The sockaddr family of structs. Families are in host order (little-endian on every machine we run on), ports big-endian. */
function sockaddr(size: number, family: number): { bytes: Uint8Array; view: DataView } {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, family, true);
  return { bytes, view };
}

/** sockaddr_un of a path, with its NUL, or of an abstract name, which starts with NUL and has none at its end. @throws RangeError when longer than 107 bytes */
export function unixAddress(path: string): Uint8Array {
  const name = Buffer.from(path, "utf8");
  if (name.length > 107) throw new RangeError(`Unix socket path is ${name.length} bytes, and the kernel allows 107: ${path}`);
  const { bytes } = sockaddr(2 + name.length + (path.startsWith("\0") ? 0 : 1), AF_UNIX);
  bytes.set(name, 2);
  return bytes;
}

/** sockaddr_in or sockaddr_in6 of an address text. */
export function inetAddress(address: string, port: number, scopeIndex = 0): Uint8Array {
  const four = familyOf(address) === 4;
  const { bytes, view } = sockaddr(four ? 16 : 28, four ? AF_INET : AF_INET6);
  view.setUint16(2, port, false);
  bytes.set(ipToBytes(address), four ? 4 : 8);
  if (!four) view.setUint32(24, scopeIndex, true);
  return bytes;
}

/** sockaddr_nl; port 0 lets the kernel choose. */
export function netlinkAddress(port = 0, groups = 0): Uint8Array {
  const { bytes, view } = sockaddr(12, AF_NETLINK);
  view.setUint32(4, port, true);
  view.setUint32(8, groups, true);
  return bytes;
}

/** sockaddr_ll: an ethertype on a link, and for sending the destination MAC's bytes. */
export function packetAddress(index: number, protocol: number, mac?: Uint8Array): Uint8Array {
  const { bytes, view } = sockaddr(20, AF_PACKET);
  view.setUint16(2, protocol, false);
  view.setInt32(4, index, true);
  if (mac) {
    bytes[11] = mac.length;
    bytes.set(mac, 12);
  }
  return bytes;
}

export type SocketAddress =
  | { readonly family: "ip"; readonly address: string; readonly port: number }
  | { readonly family: "unix"; readonly path: string }
  | { readonly family: "netlink"; readonly port: number }
  | { readonly family: "packet"; readonly index: number; readonly protocol: number; readonly mac: Uint8Array };

/** Decodes what getsockname or recvfrom filled in. @throws Error for a family we never open */
export function decodeSocketAddress(bytes: Uint8Array): SocketAddress {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const family = view.getUint16(0, true);
  if (family === AF_INET) return { family: "ip", address: bytesToIp(bytes.subarray(4, 8)), port: view.getUint16(2, false) };
  if (family === AF_INET6) return { family: "ip", address: bytesToIp(bytes.subarray(8, 24)), port: view.getUint16(2, false) };
  if (family === AF_NETLINK) return { family: "netlink", port: view.getUint32(4, true) };
  if (family === AF_UNIX) {
    const text = Buffer.from(bytes.subarray(2)).toString("utf8");
    return { family: "unix", path: text.startsWith("\0") ? text : text.replace(/\0.*$/s, "") };
  }
  if (family === AF_PACKET) {
    const mac = bytes.slice(12, 12 + (bytes[11] ?? 0));
    return { family: "packet", protocol: view.getUint16(2, false), index: view.getInt32(4, true), mac };
  }
  throw new Error(`Cannot decode a socket address of family ${family}`);
}
