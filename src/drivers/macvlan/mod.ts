/**
 * The macvlan driver: each container is a station of the parent's LAN with a MAC of its own. Packet paths:
 *   container → container   mode bridge: the kernel hands the frame over by MAC; vepa: out and back by a reflecting switch; private: never
 *   container → LAN         out by the parent, untouched: no NAT, no firewall of the host's
 *   container ↔ host        never through the parent; `fairway.host_access` adds a link of the host's beside the containers' (lan/host-access.ts)
 */
import { lanDriver } from "../lan/lan-driver.ts";

export const macvlanDriver = lanDriver("macvlan");
