import { cidrOverlaps, formatCidr, invalid, parseCidr } from "#base";

/** RFC 8200 section 5: the kernel has no IPv6 on a link of less. */
const MIN_MTU = 1280;

const LINK_LOCAL = "fe80::/64";
const LINK_LOCAL_BLOCK = parseCidr("fe80::/10");
const MAPPED_IPV4 = parseCidr("::ffff:0:0/96");
const MULTICAST = parseCidr("ff00::/8");

/** @param mtu 0: the kernel's default. @throws invalidParameter */
export function checkMtu6(mtu: number): void {
  if (mtu > 0 && mtu < MIN_MTU) throw invalid(`invalid MTU number: ${mtu}: IPv6 needs at least ${MIN_MTU}`, { code: "bad-option" });
}

/** Refuses what a bridge cannot have, or has already. @throws invalidParameter in Docker's words */
export function checkSubnet6(text: string): void {
  const subnet = parseCidr(text);
  // Any subnet of that size.
  if (subnet.base === 0n) return;
  const refuse = (why: string) => invalid(why, { code: "bad-subnet", context: { subnet: text } });
  if (cidrOverlaps(subnet, MAPPED_IPV4)) throw refuse(`'${text}' is not a valid IPv6 subnet`);
  if (cidrOverlaps(subnet, MULTICAST)) throw refuse(`multicast subnet '${text}' is not allowed`);
  if (cidrOverlaps(subnet, LINK_LOCAL_BLOCK) && formatCidr(subnet) !== LINK_LOCAL)
    throw refuse(`'${text}' clashes with the Link-Local prefix '${LINK_LOCAL}'`);
}
