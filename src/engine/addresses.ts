import type { NetworkNeeds, Pool } from "#drivers";
import type { DraftNetwork } from "./network-spec.ts";
import type { DefaultBridgeOptions } from "./options.ts";
import type { NetworkRecord, SandboxRecord } from "./records.ts";
import type { IpamRequest } from "./types.ts";

/** The engine's view of ipam: pools by network, addresses by pool. Everything it says is lost with the process and told again from the records. */
export interface AddressBook {
  /** @throws invalidParameter listing every fault of the request */
  check(ipam: IpamRequest, ipv6: boolean): void;
  holdNetwork(draft: DraftNetwork, sharesSubnets: boolean, needs: NetworkNeeds): readonly Pool[];
  holdDefaultBridge(id: string, bridge: DefaultBridgeOptions, former: readonly Pool[] | undefined): readonly Pool[];
  releaseNetwork(id: string): void;
  /** An address with its prefix length, or empty when the network has no pool of that family. */
  take(network: NetworkRecord, family: 4 | 6, wanted: string | undefined, holder: string): string;
  release(networkId: string, address: string): void;
  restore(networks: Iterable<NetworkRecord>, sandboxes: Iterable<SandboxRecord>): void;
}
