/**
 * `kernel/rtnetlink`: links, addresses, routes, neighbours, forwarding entries and rules of a namespace, as `ip` and `bridge` have them.
 *
 *     using socket = RouteSocket.open("/run/netns/blue");
 *     socket.batch([encodeNewLink({ name: "br0", up: true, info: { kind: "bridge" } }), encodeSetLink({ name: "br0", alias: "mine" })]);
 *     socket.link("br0")?.mac;
 */
export * from "./address.ts";
export type * from "./bridge-port.ts";
export * from "./constants.ts";
export * from "./fdb.ts";
export * from "./link.ts";
export type * from "./link-kinds.ts";
export type * from "./link-stats.ts";
export * from "./namespace-id.ts";
export {
  decodeNeighbour,
  encodeDeleteNeighbour,
  encodeDumpNeighbours,
  encodeGetNeighbour,
  encodeNewNeighbour,
  encodeReplaceNeighbour,
  type Neighbour,
  type NeighbourRequest,
  type NeighbourState,
} from "./neighbour.ts";
export type * from "./next-hop.ts";
export * from "./route.ts";
export * from "./route-monitor.ts";
export * from "./route-socket.ts";
export * from "./rule.ts";
