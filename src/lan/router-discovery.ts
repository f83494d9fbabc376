import { BPF, type BpfInstruction, type Poller } from "#kernel/ffi";
import { ask } from "./ask.ts";
import { LinkPort } from "./link-port.ts";
import { ALL_NODES, decodeIcmp6, ETH_P_IPV6, encodeIcmp6, multicastMac, optionsOf } from "./ndp.ts";

/*
 * RFC 4861, after the IPv6 header:
 * 4.1 solicitation    0 u8 type 133   1 u8 0   2 u16 checksum   4 u32 0
 * 4.2 advertisement   0 u8 type 134   1 u8 0   2 u16 checksum   4 u8 hop limit   5 u8 flags   6 u16 lifetime   8 u32   12 u32   16 options
 * 4.6.2 prefix        0 u8 type 3     1 u8 4   2 u8 length      3 u8 flags       4 u32 valid lifetime …
 */
const ROUTER_SOLICITATION = 133;
const ROUTER_ADVERTISEMENT = 134;
const MANAGED = 0x80;
const PREFIX = 3;
const AUTONOMOUS = 0x40;
const BODY = 16;
const ALL_ROUTERS = "ff02::2";

const FILTER: readonly BpfInstruction[] = [
  [BPF.ldb, 0, 0, 6],
  [BPF.jeq, 0, 3, 58],
  [BPF.ldb, 0, 0, 40],
  [BPF.jeq, 0, 1, ROUTER_ADVERTISEMENT],
  [BPF.ret, 0, 0, 0xffff],
  [BPF.ret, 0, 0, 0],
];

/** How the LAN's router says that stations get their IPv6 addresses. */
export interface RouterAdvice {
  /** Flag M: from a DHCPv6 server. */
  readonly managed: boolean;
  /** Flag A of some prefix: each makes its own (RFC 4862). */
  readonly autonomous: boolean;
}

/** The answer comes to everybody, as the question has no source: RFC 4861 section 6.1.1 allows that to who has no address yet. */
const SOLICITATION = encodeIcmp6("::", ALL_ROUTERS, Uint8Array.from([ROUTER_SOLICITATION, 0, 0, 0, 0, 0, 0, 0]));

/** Undefined for anything but a valid router advertisement. */
export function decodeRouterAdvice(packet: Uint8Array): RouterAdvice | undefined {
  const message = decodeIcmp6(packet, BODY);
  if (message?.[0] !== ROUTER_ADVERTISEMENT) return undefined;
  let autonomous = false;
  for (const entry of optionsOf(message, BODY)) {
    if (!entry) return undefined;
    const [type, option] = entry;
    if (type === PREFIX && option.length >= 32 && (option[3]! & AUTONOMOUS) !== 0) autonomous = true;
  }
  return { managed: (message[5]! & MANAGED) !== 0, autonomous };
}

/**
 * Asks the routers of a link. Three times within three seconds: RFC 4861 section 6.3.7 has them 4 s apart, and a container waits here.
 * @returns undefined when no router answered @throws notFound without such a link
 */
export async function solicitRouter(poller: Poller, link: string): Promise<RouterAdvice | undefined> {
  using port = new LinkPort({ link, ethertype: ETH_P_IPV6, filter: FILTER });
  if (!port.running) return undefined;
  port.join(multicastMac(ALL_NODES));
  return await ask(poller, port, {
    send: () => port.send(ETH_P_IPV6, multicastMac(ALL_ROUTERS), SOLICITATION),
    waits: [1000, 1000, 1000],
    accept: decodeRouterAdvice,
  });
}
