/**
 * The ipvlan driver: containers share the parent's MAC and are told apart by address. Packet paths:
 *   l2        as a station of the LAN, with ARP and broadcast; between containers the kernel hands over by address
 *   l3, l3s   no neighbours: `default dev eth0`, and the host's routing table decides; l3s passes the host's netfilter, so conntrack works
 *   container ↔ host        as macvlan: only with `fairway.host_access`
 */
import { lanDriver } from "../lan/lan-driver.ts";

export const ipvlanDriver = lanDriver("ipvlan");
