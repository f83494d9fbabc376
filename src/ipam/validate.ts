import { type Cidr, cidrHas, cidrOverlaps, formatCidr, invalid, isIp, parseCidr, parseIp, parsePrefix } from "#base";

/** One entry of IPAM.Config as the user gave it; absent and empty text mean the same. */
export interface PoolConfig {
  readonly subnet?: string;
  readonly range?: string;
  readonly gateway?: string;
  readonly auxiliary?: Readonly<Record<string, string>>;
}

/**
 * Checks a user's IPAM configuration and reports everything that is wrong with it at once, in moby's words (docker-behaviour.md 1.1). IPv6 entries
 * of a network without IPv6 are not looked at.
 * @throws invalidParameter, code `bad-ipam-config`, context `errors`
 */
export function validatePoolConfig(config: readonly PoolConfig[], ipv6: boolean): void {
  const errors = config.flatMap((entry) => errorsOf(entry, ipv6));
  if (errors.length > 0) throw invalid(`invalid network config:\n${errors.join("\n")}`, { code: "bad-ipam-config", context: { errors } });
}

function errorsOf({ subnet = "", range = "", gateway = "", auxiliary = {} }: PoolConfig, ipv6: boolean): string[] {
  const parent = cidrOr(subnet);
  if (!parent) return [`invalid subnet ${subnet}: invalid CIDR block notation`];
  if (parent.family === 6 && !ipv6) return [];
  const masked = formatCidr(parent);
  const errors = hasHostBits(subnet) ? [`invalid subnet ${subnet}: it should be ${masked}`] : [];
  if (range !== "") errors.push(...rangeErrors(range, parent, subnet));
  const addressError = (address: string) => (address === "" ? undefined : addressErrorOf(address, parent, subnet));
  const wrong = addressError(gateway);
  if (wrong) errors.push(`invalid gateway ${gateway}: ${wrong}`);
  for (const [name, address] of Object.entries(auxiliary)) {
    const error = addressError(address);
    if (error) errors.push(`invalid auxiliary address ${name}: ${error}`);
  }
  return errors;
}

function rangeErrors(range: string, parent: Cidr, subnet: string): string[] {
  const inner = cidrOr(range);
  if (!inner) return [`invalid ip-range ${range}: invalid CIDR block notation`];
  if (inner.family !== parent.family) return [`invalid ip-range ${range}: parent subnet is an IPv${parent.family} block`];
  const errors: string[] = [];
  if (inner.prefix < parent.prefix) errors.push(`invalid ip-range ${range}: CIDR block is bigger than its parent subnet ${subnet}`);
  if (hasHostBits(range)) errors.push(`invalid ip-range ${range}: it should be ${formatCidr(inner)}`);
  if (!cidrOverlaps(parent, inner)) errors.push(`invalid ip-range ${range}: parent subnet ${subnet} doesn't contain ip-range`);
  return errors;
}

function addressErrorOf(address: string, parent: Cidr, subnet: string): string | undefined {
  if (!isIp(address)) return "invalid address";
  const ip = parseIp(address);
  if (ip.family !== parent.family) return `parent subnet is an IPv${parent.family} block`;
  return cidrHas(parent, ip) ? undefined : `parent subnet ${subnet} doesn't contain this address`;
}

function cidrOr(text: string): Cidr | undefined {
  try {
    return parseCidr(text);
  } catch {
    return undefined;
  }
}

const hasHostBits = (text: string): boolean => parsePrefix(text).ip.value !== parseCidr(text).base;
