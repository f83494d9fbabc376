import { setTimeout as sleep } from "node:timers/promises";
import { conflict, type Log } from "#base";
import { HOST_ACCESS_ADDRESS, isLanDriver, type Pool, parseLanOptions } from "#drivers";
import type { AddressBook } from "./addresses.ts";
import { type LanGuard, occupiedByOther } from "./lan-guard.ts";
import type { NetworkRecord } from "./records.ts";

/** How many addresses in a row may turn out to be somebody's. */
const ATTEMPTS = 64;

const without = ({ [HOST_ACCESS_ADDRESS]: _, ...rest }: Pool["auxiliary"]): Pool["auxiliary"] => rest;

/** Whether the host reaches a network's containers by way of one of these links. */
export function hasHostAccessBy(network: NetworkRecord, links: readonly string[]): boolean {
  if (!isLanDriver(network.driver)) return false;
  const { hostAccess, parent } = parseLanOptions(network);
  return hostAccess && links.includes(parent);
}

/** Whether a network has addresses for `fairway.host_access` that somebody on its LAN, or this host, may have. */
export function needsHostAccessProbe(record: NetworkRecord): boolean {
  if (!isLanDriver(record.driver)) return false;
  const { hostAccess, isolated } = parseLanOptions(record);
  return hostAccess && !isolated;
}

/**
 * A network's record with addresses for `fairway.host_access` that nobody on its LAN has: another host with a network of the same subnet would
 * choose the very same ones. The parent must be there.
 * @throws forbidden when the user named an address that is taken; conflict when no free one was found
 */
export async function freeHostAccess(record: NetworkRecord, guard: LanGuard, addresses: AddressBook, log: Log): Promise<NetworkRecord> {
  const named = new Set(record.ipam.config.map(({ auxiliary }) => auxiliary?.[HOST_ACCESS_ADDRESS]));
  const free = async (pool: Pool): Promise<Pool> => {
    let address = pool.auxiliary[HOST_ACCESS_ADDRESS];
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      // As with a pool that had no free one to begin with: the parent's own address serves.
      if (address === undefined) return { ...pool, auxiliary: without(pool.auxiliary) };
      const holder = await guard.holderOf(record, address);
      if (holder === undefined) return { ...pool, auxiliary: { ...pool.auxiliary, [HOST_ACCESS_ADDRESS]: address } };
      if (named.has(address)) throw occupiedByOther({ networkId: record.id, address, holder });
      log.info("address is in use on the LAN", { address, holder });
      address = addresses.replaceAuxiliary(record.id, address, HOST_ACCESS_ADDRESS, holder);
      // Two hosts that probe at the same time both give way: not in step for ever.
      await sleep(Math.random() * 300);
    }
    throw conflict(
      `Cannot find an address for ${HOST_ACCESS_ADDRESS} in ${pool.subnet}: name one with --aux-address ${HOST_ACCESS_ADDRESS}=…`,
      {
        code: "lan-addresses-in-use",
      },
    );
  };
  return {
    ...record,
    pools: await Promise.all(record.pools.map((pool) => (pool.auxiliary[HOST_ACCESS_ADDRESS] === undefined ? pool : free(pool)))),
  };
}
