/**
 * `ipam`: which subnets networks have and which addresses their containers have; pure, in memory, no kernel and no store.
 * `remote/` (Docker's IPAM plugin protocol, and `fairway-dhcp`) is to come beside it and to answer the same five questions asynchronously:
 * allocateNetwork, releaseNetwork, allocateAddress, takeAddress, releaseAddress.
 */
export { type AddressHolder, AddressPool, type AddressUse } from "./address-pool.ts";
export { type AllocatedAddress, type AllocatedPool, Ipam, type NetworkRequest, type SubnetUsage } from "./ipam.ts";
export { type Holder, PoolSpace, type SubnetHolding } from "./pool-space.ts";
export { addressPool, DEFAULT_POOLS, effectivePools, GLOBAL_POOLS, type PredefinedPool, parseAddressPool, ulaPool } from "./pools.ts";
export { type PoolConfig, validatePoolConfig } from "./validate.ts";
