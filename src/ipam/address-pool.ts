import { type Cidr, cidrHas, FairwayError, firstOf, formatCidr, formatIp, type Ip, invalid, lastOf, parseIp } from "#base";
import { IntervalSet } from "./intervals.ts";

/** What an address is taken for. `foreign`: somebody on the segment who is not ours answered for it. */
export type AddressUse = "container" | "gateway" | "auxiliary" | "foreign" | "host";

/** Who has an address. The object is kept, not copied: its name may change. */
export interface AddressHolder {
  readonly use: AddressUse;
  /** Container id; network id for gateways and auxiliary addresses. */
  readonly id: string;
  /** As a user would call it: `db`, or the auxiliary address's name. */
  readonly name: string;
}

interface Taken {
  readonly holder: AddressHolder;
  /** Networks that share a subnet may name the same gateway or auxiliary address. */
  others: AddressHolder[];
}

const describe = ({ use, name }: AddressHolder): string => {
  if (use === "container") return `container "${name}"`;
  if (use === "gateway") return `the gateway of network "${name}"`;
  if (use === "auxiliary") return `auxiliary address "${name}"`;
  return use === "host" ? `this host (${name})` : `another machine (${name})`;
};

const isNetworkOwn = ({ use }: AddressHolder): boolean => use === "gateway" || use === "auxiliary";

/** The addresses of one subnet. Networks that share a subnet share this, so none gets another's address. */
export class AddressPool {
  readonly subnet: Cidr;
  readonly #used = new IntervalSet();
  readonly #taken = new Map<bigint, Taken>();

  constructor(subnet: Cidr) {
    this.subnet = subnet;
    // RFC 3021: a /31 has no broadcast, and a /32 is a host. IPv6 has none anywhere, but its first is the subnet-router anycast (RFC 4291 2.6.1).
    const hasBroadcast = subnet.family === 4 && subnet.prefix < 31;
    if (hasBroadcast || subnet.family === 6) this.#used.add(firstOf(subnet));
    if (hasBroadcast) this.#used.add(lastOf(subnet));
  }

  /** Takes the lowest free address of the range, or of the subnet. @returns undefined when there is none */
  takeLowest(range: Cidr | undefined, holder: AddressHolder): string | undefined {
    const within = range ?? this.subnet;
    const value = this.#used.lowestFree(firstOf(within), lastOf(within));
    if (value === undefined) return undefined;
    this.#used.add(value);
    this.#taken.set(value, { holder, others: [] });
    return this.#text(value);
  }

  /**
   * Takes one certain address, anywhere in the subnet.
   * @throws forbidden, code `address-in-use`, naming who has it; invalidParameter, code `address-outside-subnet`
   */
  take(address: string, holder: AddressHolder): string {
    const ip = this.#own(address);
    const taken = this.#taken.get(ip.value);
    if (this.#used.add(ip.value)) this.#taken.set(ip.value, { holder, others: [] });
    else if (taken && isNetworkOwn(taken.holder) && isNetworkOwn(holder) && taken.holder.id !== holder.id) taken.others.push(holder);
    else throw inUse(formatIp(ip), formatCidr(this.subnet), taken?.holder);
    return formatIp(ip);
  }

  /** Frees an address. With an id, only what that holder has: a release that comes late frees nobody else's. */
  release(address: string, holderId?: string): void {
    const ip = parseIp(address);
    const taken = this.#taken.get(ip.value);
    if (!taken) return;
    const staying = [taken.holder, ...taken.others].filter((holder) => holderId !== undefined && holder.id !== holderId);
    const [first, ...others] = staying;
    if (first) this.#taken.set(ip.value, { holder: first, others });
    else {
      this.#taken.delete(ip.value);
      this.#used.delete(ip.value);
    }
  }

  holderOf(address: string): AddressHolder | undefined {
    return this.#taken.get(parseIp(address).value)?.holder;
  }

  has(address: string): boolean {
    return cidrHas(this.subnet, parseIp(address));
  }

  /** Docker's two numbers: everything taken, network and broadcast included, and what the range has left. */
  usage(range: Cidr | undefined): { inUse: bigint; available: bigint } {
    const within = range ?? this.subnet;
    const [first, last] = [firstOf(within), lastOf(within)];
    return { inUse: this.#used.size, available: last - first + 1n - this.#used.countWithin(first, last) };
  }

  #own(address: string): Ip {
    const ip = parseIp(address);
    if (!cidrHas(this.subnet, ip))
      throw invalid(`no configured subnet contains IP address ${address}`, {
        code: "address-outside-subnet",
        context: { address, subnet: formatCidr(this.subnet) },
      });
    return ip;
  }

  #text(value: bigint): string {
    return formatIp({ family: this.subnet.family, value });
  }
}

function inUse(address: string, subnet: string, holder: AddressHolder | undefined): FairwayError {
  const who = holder ? `${address} is held by ${describe(holder)}` : `${address} is reserved in ${subnet}`;
  return new FairwayError("forbidden", `Address already in use: ${who}`, {
    code: "address-in-use",
    context: { address, subnet, use: holder?.use ?? "reserved", holderId: holder?.id, holder: holder?.name },
  });
}
