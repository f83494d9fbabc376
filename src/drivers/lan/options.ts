import { type FairwayError, internal, invalid } from "#base";
import { boolOption } from "../go-values.ts";

/** `-o` keys of macvlan and ipvlan: Docker's own (docker-behaviour.md sections 7 and 8) and ours. */
export const LAN_KEY = {
  parent: "parent",
  macvlanMode: "macvlan_mode",
  ipvlanMode: "ipvlan_mode",
  ipvlanFlag: "ipvlan_flag",
  hostAccess: "fairway.host_access",
  probe: "fairway.address_probe",
  promiscuous: "fairway.promiscuous",
} as const;

/** Name of the auxiliary address that the host holds in a network with `fairway.host_access`. */
export const HOST_ACCESS_ADDRESS = LAN_KEY.hostAccess;

const PROBES = ["quick", "full", "off"] as const;
/** How an address is tried on the wire before a container gets it. */
export type AddressProbe = (typeof PROBES)[number];

/** `kept`: the parent was promiscuous already when the network was made, and is left so when it goes. */
const PROMISCUOUS = ["auto", "true", "false", "kept"] as const;
export type Promiscuous = (typeof PROMISCUOUS)[number];

export type MacvlanMode = "bridge" | "private" | "vepa" | "passthru";
export type IpvlanMode = "l2" | "l3" | "l3s";
export type IpvlanFlag = "bridge" | "private" | "vepa";

/** How containers hang on the parent: what the kernel's link data says, without the parent. */
export type LanLink =
  | { readonly kind: "macvlan"; readonly mode: MacvlanMode }
  | { readonly kind: "ipvlan"; readonly mode: IpvlanMode; readonly flag: IpvlanFlag };

export interface LanOptions {
  readonly link: LanLink;
  /** The name of the link that containers hang on: the user's, or that of a dummy of the network's own. */
  readonly parent: string;
  /** No parent was named: the network ends at its own dummy. */
  readonly isolated: boolean;
  readonly hostAccess: boolean;
  readonly probe: AddressProbe;
  readonly promiscuous: Promiscuous;
}

/** ipvlan's links have the parent's MAC. So has passthru's, where giving it another would change the parent's own. */
export const sharesParentMac = ({ link }: LanOptions): boolean => link.kind === "ipvlan" || link.mode === "passthru";

/** ipvlan l3 and l3s have no neighbours: the host's stack routes between them and itself. */
export const isRouted = ({ link }: LanOptions): boolean => link.kind === "ipvlan" && link.mode !== "l2";

interface Described {
  readonly id: string;
  readonly driver: string;
  readonly options: Readonly<Record<string, string>>;
}

const DUMMY_PREFIX = { macvlan: "dm-", ipvlan: "di-" } as const;
type Kind = keyof typeof DUMMY_PREFIX;

export const isLanDriver = (driver: string): driver is Kind => driver in DUMMY_PREFIX;

/** `dm-` or `di-` and the first 12 digits of the network's id: the parent of a network that names none. */
export const dummyNameOf = (kind: Kind, id: string): string => `${DUMMY_PREFIX[kind]}${id.slice(0, 12)}`;

/** Every option's value. @throws internal in Docker's words for Docker's options, invalidParameter for ours */
export function parseLanOptions(network: Described): LanOptions {
  const { options, id } = network;
  const link = parseLink(network.driver as Kind, options);
  const parent = options[LAN_KEY.parent] ?? "";
  if (parent === "lo") throw badOption(`loopback interface is not a valid ${link.kind} parent link`, LAN_KEY.parent, parent);
  return {
    link,
    parent: parent === "" ? dummyNameOf(link.kind, id) : parent,
    isolated: parent === "",
    hostAccess: boolOption(options, LAN_KEY.hostAccess, false),
    probe: wordOption(options, LAN_KEY.probe, PROBES, "quick"),
    promiscuous: wordOption(options, LAN_KEY.promiscuous, PROMISCUOUS, "auto"),
  };
}

function parseLink(kind: Kind, options: Described["options"]): LanLink {
  if (kind === "macvlan") {
    const mode = options[LAN_KEY.macvlanMode] || "bridge";
    if (mode === "bridge" || mode === "private" || mode === "vepa" || mode === "passthru") return { kind, mode };
    const message = `requested macvlan mode '${mode}' is not valid, 'bridge' mode is the macvlan driver default`;
    throw badOption(message, LAN_KEY.macvlanMode, mode);
  }
  const mode = options[LAN_KEY.ipvlanMode] || "l2";
  const flag = options[LAN_KEY.ipvlanFlag] || "bridge";
  if (mode !== "l2" && mode !== "l3" && mode !== "l3s") {
    throw badOption(`requested ipvlan mode '${mode}' is not valid, 'l2' mode is the ipvlan driver default`, LAN_KEY.ipvlanMode, mode);
  }
  if (flag !== "bridge" && flag !== "private" && flag !== "vepa") {
    throw badOption(`requested ipvlan flag '${flag}' is not valid, 'bridge' is the ipvlan driver default`, LAN_KEY.ipvlanFlag, flag);
  }
  return { kind, mode, flag };
}

const badOption = (message: string, key: string, value: string): FairwayError =>
  internal(message, { code: "bad-option", context: { key, value } });

function wordOption<T extends string>(options: Described["options"], key: string, words: readonly T[], fallback: T): T {
  const text = options[key];
  if (text === undefined || text === "") return fallback;
  const word = words.find((candidate) => candidate === text);
  if (word === undefined) {
    throw invalid(`invalid value for ${key}: "${text}" (must be one of ${words.filter((each) => each !== "kept").join(", ")})`, {
      code: "bad-option",
      context: { key, value: text },
    });
  }
  return word;
}
