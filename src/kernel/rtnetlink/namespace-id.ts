import { AttributeReader, buildRequest, type NetlinkRequest } from "#kernel/netlink";
import { RTM_GETNSID, RTM_NEWNSID } from "./constants.ts";

/** linux/net_namespace.h: numbers that one namespace has for others, which `Link.parentNamespaceId` speaks in. */
const NETNSA_NSID = 1;
const NETNSA_FD = 3;

/** `ip netns set`: gives a namespace a number here; -1 lets the kernel choose. EEXIST when it has one. */
export const encodeNewNamespaceId = (namespace: { readonly fd: number }, id = -1): NetlinkRequest =>
  buildRequest(`RTM_NEWNSID ${id}`, RTM_NEWNSID, 0, (writer) => writer.u32(0).attrU32(NETNSA_FD, namespace.fd).attrU32(NETNSA_NSID, id));

/** What number a namespace has here. */
export const encodeGetNamespaceId = (namespace: { readonly fd: number }): NetlinkRequest =>
  buildRequest("RTM_GETNSID", RTM_GETNSID, 0, (writer) => writer.u32(0).attrU32(NETNSA_FD, namespace.fd));

/** Reads the payload of RTM_NEWNSID: undefined when the namespace has no number here. @throws ShortReadError */
export function decodeNamespaceId(payload: Uint8Array): number | undefined {
  const reader = new AttributeReader(payload, 4);
  while (reader.next()) if (reader.type === NETNSA_NSID) return reader.i32() < 0 ? undefined : reader.i32();
  return undefined;
}
