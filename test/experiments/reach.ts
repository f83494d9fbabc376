/** Who reaches whom on a LAN: hosts h1 and h2, containers c11 and c12 on h1, c21 and c22 on h2. Row pings column. */

/** What macvlan (mode bridge) and ipvlan (l2) do: all but host to own container, and back. */
export const LAN = `
      h1  h2  c11 c12 c21 c22
  h1  -   ok  X   X   ok  ok
  h2  ok  -   ok  ok  X   X
  c11 X   ok  -   ok  ok  ok
  c12 X   ok  ok  -   ok  ok
  c21 ok  X   ok  ok  -   ok
  c22 ok  X   ok  ok  ok  -`;

/** Modes private and vepa behind a plain switch: containers of one host are apart too. */
export const APART = `
      h1  h2  c11 c12 c21 c22
  h1  -   ok  X   X   ok  ok
  h2  ok  -   ok  ok  X   X
  c11 X   ok  -   X   ok  ok
  c12 X   ok  X   -   ok  ok
  c21 ok  X   ok  ok  -   X
  c22 ok  X   ok  ok  X   -`;

/** Mode vepa behind a reflecting switch, and `fairway.host_access` on both hosts. */
export const OPEN = `
      h1  h2  c11 c12 c21 c22
  h1  -   ok  ok  ok  ok  ok
  h2  ok  -   ok  ok  ok  ok
  c11 ok  ok  -   ok  ok  ok
  c12 ok  ok  ok  -   ok  ok
  c21 ok  ok  ok  ok  -   ok
  c22 ok  ok  ok  ok  ok  -`;

/**
 * Mode private behind a reflecting switch: containers of one host stay apart. Whether host and own container talk depends on who asked for whose MAC
 * first: the kernel keeps a container's reflected broadcasts from the host, and lets the host's through to it.
 */
export const REFLECTED = `
      h1  h2  c11 c12 c21 c22
  h1  -   ok  ?   ?   ok  ok
  h2  ok  -   ok  ok  ?   ?
  c11 ?   ok  -   X   ok  ok
  c12 ?   ok  X   -   ok  ok
  c21 ok  ?   ok  ok  -   X
  c22 ok  ?   ok  ok  X   -`;

/** Switch ports that let only the host's own MAC send, and containers with MACs of their own. */
export const LOCKED = `
      h1  h2  c11 c12 c21 c22
  h1  -   ok  X   X   X   X
  h2  ok  -   X   X   X   X
  c11 X   X   -   ok  X   X
  c12 X   X   ok  -   X   X
  c21 X   X   X   X   -   ok
  c22 X   X   X   X   ok  -`;

/** Only containers of one host: l3 without routes. */
export const SAME_HOST = `
      h1  h2  c11 c12 c21 c22
  h1  -   ok  X   X   X   X
  h2  ok  -   X   X   X   X
  c11 X   X   -   ok  X   X
  c12 X   X   ok  -   X   X
  c21 X   X   X   X   -   ok
  c22 X   X   X   X   ok  -`;

/** Last numbers of the addresses on the LAN: 192.168.56.x and fd56::x. */
export const NUMBERS = { h1: 11, h2: 12, c11: 31, c12: 32, c21: 41, c22: 42 } as const;
export type Station = keyof typeof NUMBERS;
export const CONTAINER_NAMES = ["c11", "c12", "c21", "c22"] as const satisfies readonly Station[];

export const FAMILIES = [4, 6] as const;
export type Family = (typeof FAMILIES)[number];

export const addressOf = (station: Station, family: Family): string =>
  family === 4 ? `192.168.56.${NUMBERS[station]}` : `fd56::${NUMBERS[station]}`;

/** `--ip 192.168.56.31 --ip6 fd56::31` */
export const addressFlags = (station: Station): string => `--ip ${addressOf(station, 4)} --ip6 ${addressOf(station, 6)}`;

/** Network flags of the LAN's two subnets. */
export const LAN_SUBNETS = "--subnet 192.168.56.0/24 --gateway 192.168.56.1 --ipv6 --subnet fd56::/64";

/** The stations of a grid, in its order. */
export const parseStations = (grid: string): Station[] => grid.trim().split("\n")[0]!.trim().split(/\s+/) as Station[];
