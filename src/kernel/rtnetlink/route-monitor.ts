import { type NamespaceHandle, NETLINK_ROUTE, type NetlinkMessage, NetlinkMonitor, type Poller } from "#kernel/netlink";
import { type Address, decodeAddress } from "./address.ts";
import { type BridgePortChange, decodeBridgePortChange } from "./bridge-port.ts";
import {
  AF_BRIDGE,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELNEIGH,
  RTM_DELROUTE,
  RTM_DELRULE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNEIGH,
  RTM_NEWROUTE,
  RTM_NEWRULE,
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV4_RULE,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_IPV6_ROUTE,
  RTNLGRP_IPV6_RULE,
  RTNLGRP_LINK,
  RTNLGRP_NEIGH,
} from "./constants.ts";
import { decodeFdb, type FdbEntry } from "./fdb.ts";
import { decodeLink, type Link } from "./link.ts";
import { decodeNeighbour, type Neighbour } from "./neighbour.ts";
import { decodeRoute, type Route } from "./route.ts";
import { decodeRule, type Rule } from "./rule.ts";

/** A change of the namespace. `resync` says that some were lost: everything known must be read again. */
export type RouteEvent =
  | { readonly type: "link"; readonly removed: boolean; readonly link: Link }
  /** A port's own attributes; `removed` is that it left the bridge. Comes with the group `link`. */
  | { readonly type: "bridge-port"; readonly removed: boolean; readonly change: BridgePortChange }
  | { readonly type: "address"; readonly removed: boolean; readonly address: Address }
  | { readonly type: "route"; readonly removed: boolean; readonly route: Route }
  | { readonly type: "neighbour"; readonly removed: boolean; readonly neighbour: Neighbour }
  | { readonly type: "fdb"; readonly removed: boolean; readonly entry: FdbEntry }
  | { readonly type: "rule"; readonly removed: boolean; readonly rule: Rule }
  | { readonly type: "resync" };

const GROUPS = {
  link: [RTNLGRP_LINK],
  address: [RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR],
  route: [RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE],
  neighbour: [RTNLGRP_NEIGH],
  rule: [RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE],
} as const;
export type RouteGroup = keyof typeof GROUPS;

/** Reads one multicast message; undefined for what is no change of ours. @throws ShortReadError */
export function decodeRouteEvent({ type, payload }: NetlinkMessage): RouteEvent | undefined {
  switch (type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      if (payload[0] === AF_BRIDGE) {
        const change = decodeBridgePortChange(payload);
        return change && { type: "bridge-port", removed: type === RTM_DELLINK, change };
      }
      return { type: "link", removed: type === RTM_DELLINK, link: decodeLink(payload) };
    case RTM_NEWADDR:
    case RTM_DELADDR: {
      const address = decodeAddress(payload);
      return address && { type: "address", removed: type === RTM_DELADDR, address };
    }
    case RTM_NEWROUTE:
    case RTM_DELROUTE: {
      const route = decodeRoute(payload);
      return route && { type: "route", removed: type === RTM_DELROUTE, route };
    }
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH: {
      const removed = type === RTM_DELNEIGH;
      const entry = decodeFdb(payload);
      if (entry) return { type: "fdb", removed, entry };
      const neighbour = decodeNeighbour(payload);
      return neighbour && { type: "neighbour", removed, neighbour };
    }
    case RTM_NEWRULE:
    case RTM_DELRULE: {
      const rule = decodeRule(payload);
      return rule && { type: "rule", removed: type === RTM_DELRULE, rule };
    }
    default:
      return undefined;
  }
}

export interface RouteMonitorOptions {
  readonly namespace?: string | NamespaceHandle;
  readonly groups: readonly RouteGroup[];
  readonly poller: Poller;
  /** Called with all that was there at one wake-up, in the kernel's order; never empty. */
  readonly onEvents: (events: readonly RouteEvent[]) => void;
  /** Bytes the kernel may queue before it drops and a `resync` comes. */
  readonly receiveBuffer?: number;
}

/** Tells of changes in a namespace from the moment it is made: open it first, dump after, and nothing is missed. */
export class RouteMonitor extends NetlinkMonitor {
  /** @throws SystemError when the namespace is not there */
  constructor({ groups, onEvents, ...options }: RouteMonitorOptions) {
    super({
      ...options,
      protocol: NETLINK_ROUTE,
      groups: groups.flatMap((group) => GROUPS[group]),
      onMessages: (messages, resync) => {
        const events: RouteEvent[] = resync ? [{ type: "resync" }] : [];
        for (const message of messages) {
          const event = decodeRouteEvent(message);
          if (event) events.push(event);
        }
        if (events.length > 0) onEvents(events);
      },
    });
  }
}
