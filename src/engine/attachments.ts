import { conflict, FairwayError, familyOf, forbidden, invalid, isMac, macOfIpv4, newId, parseMac } from "#base";
import { IFNAME_OPTION, isLanDriver, parseLanOptions, sharesParentMac } from "#drivers";
import type { AddressBook } from "./addresses.ts";
import type { Context } from "./context.ts";
import { dhcpMacOf, isDhcp } from "./dhcp-network.ts";
import { checkEndpointSpec } from "./endpoint-spec.ts";
import { type Occupied, occupiedByOther } from "./lan-guard.ts";
import type { Attachment, NetworkRecord, SandboxRecord } from "./records.ts";
import { networkNotFound } from "./state.ts";
import type { EndpointSpec } from "./types.ts";

/** A container's places on networks: checked, addressed and named when it starts or is connected. */
export class Attachments {
  readonly #context: Context;
  readonly #addresses: AddressBook;

  constructor(context: Context, addresses: AddressBook) {
    this.#context = context;
    this.#addresses = addresses;
  }

  /** The attachment with all that it needs to be up. @throws with nothing taken */
  attach(record: SandboxRecord, attachment: Attachment, others: readonly Attachment[]): Attachment {
    const network = this.#resolve(attachment);
    if (network.configOnly)
      throw forbidden("cannot create endpoint on configuration-only network", { code: "config-only", context: { network: network.name } });
    this.check(network, attachment.spec, `invalid config for network ${network.name}: `);
    const { containerId, containerName } = record.spec;
    const held = attachment.networkId === network.id ? attachment : { ipv4: "", ipv6: "", mac: "" };
    const base = { ...attachment, networkId: network.id, endpointId: newId(), mac: held.mac };
    const driver = this.#context.driver(network.driver);
    if (!driver.traits.hasEndpoints) return base;
    const leased = isDhcp(network);
    if (leased && network.ipv4 && held.ipv4 === "") throw noLease(network, containerName);
    const addressOf = (family: 4 | 6, former: string, wanted: string | undefined) => {
      if (leased || (former !== "" && this.#addresses.holds(network.id, former, containerId))) return former;
      return this.#addresses.take(network, family, wanted, containerId);
    };
    const ipv4 = addressOf(4, held.ipv4, attachment.spec.ipv4);
    let ipv6 = "";
    try {
      ipv6 = addressOf(6, held.ipv6, attachment.spec.ipv6);
      const ifname = this.#ifname(network, attachment, others);
      return { ...base, ipv4, ipv6, mac: this.#mac(network, { ...base, ipv4 }, containerId), ifname };
    } catch (error) {
      this.giveBackNew(containerId, [attachment], [{ ...base, ipv4, ipv6 }]);
      throw error;
    }
  }

  /**
   * The attachment with addresses of its network, which it keeps from now on, up or not. For networks on a LAN, whose addresses are probed before
   * the container starts. What cannot be had now is left for the start to report.
   */
  reserve(record: SandboxRecord, attachment: Attachment): Attachment {
    const network = this.#context.state.network(attachment.networkId) ?? this.#context.state.networkNamed(attachment.network);
    if (!network || !isLanDriver(network.driver)) return attachment;
    if (attachment.networkId === network.id && (attachment.ipv4 !== "" || attachment.ipv6 !== "")) return attachment;
    const { containerId } = record.spec;
    const take = (family: 4 | 6, wanted: string | undefined): string => {
      if (isDhcp(network)) return "";
      try {
        return this.#addresses.take(network, family, wanted, containerId);
      } catch {
        return "";
      }
    };
    return { ...attachment, networkId: network.id, ipv4: take(4, attachment.spec.ipv4), ipv6: take(6, attachment.spec.ipv6) };
  }

  /** Another address in place of one that is somebody else's on the LAN. @throws forbidden when the user had named it; nothing has changed then */
  replace({ spec }: Pick<SandboxRecord, "spec">, attachment: Attachment, { networkId, address, holder }: Occupied): Attachment {
    const network = this.#context.state.network(networkId);
    const family = familyOf(address);
    const wanted = family === 4 ? attachment.spec.ipv4 : attachment.spec.ipv6;
    if (!network || wanted) throw occupiedByOther({ networkId, address, holder });
    const { containerId } = spec;
    const other = this.#addresses.take(network, family, undefined, containerId);
    this.#addresses.release(networkId, address, containerId);
    this.#addresses.avoid(networkId, address, holder);
    return family === 4 ? { ...attachment, ipv4: other } : { ...attachment, ipv6: other };
  }

  /** Lowest unused index of the prefix, or the name the endpoint asked for. */
  #ifname(network: NetworkRecord, attachment: Attachment, others: readonly Attachment[]): string {
    const used = new Set(["lo", ...others.map(({ ifname }) => ifname)]);
    const wanted = attachment.spec.driverOptions?.[IFNAME_OPTION];
    if (wanted !== undefined && wanted !== "") {
      if (used.has(wanted))
        throw conflict(`interface name ${wanted} is in use in this container already`, {
          code: "ifname-in-use",
          context: { ifname: wanted },
        });
      return wanted;
    }
    const prefix = network.options["com.docker.network.container_iface_prefix"] || "eth";
    for (let index = 0; ; index++) if (!used.has(`${prefix}${index}`)) return `${prefix}${index}`;
  }

  /** Stable over restarts: by the address, or the one it had where there is none of IPv4. */
  #mac(network: NetworkRecord, { spec, ipv4, mac, endpointId }: Attachment, containerId: string): string {
    if (spec.mac) return parseMac(spec.mac);
    if (!this.#context.driver(network.driver).traits.givesMac) return "";
    const lan = isLanDriver(network.driver) ? parseLanOptions(network) : undefined;
    if (lan && sharesParentMac(lan)) return this.#context.facts().link(lan.parent)?.mac ?? "";
    if (isDhcp(network)) return dhcpMacOf(containerId);
    if (ipv4 !== "") return macOfIpv4(ipv4.slice(0, ipv4.indexOf("/")));
    return mac || `02:42:${endpointId.slice(0, 8).match(/../g)!.join(":")}`;
  }

  /** Writes a record with addresses reserved. @throws with nothing taken */
  async putReserved(record: SandboxRecord): Promise<void> {
    const attachments = record.attachments.map((attachment) => this.reserve(record, attachment));
    try {
      await this.#context.state.putSandbox({ ...record, attachments });
    } catch (error) {
      this.giveBackNew(record.spec.containerId, record.attachments, attachments);
      throw error;
    }
  }

  /** Addresses that a step which failed took for places are returned; those the container had there before stay its own. */
  giveBackNew(containerId: string, before: readonly Attachment[], after: readonly Attachment[]) {
    for (const [index, { networkId, ipv4, ipv6 }] of after.entries()) {
      const former = before[index];
      const kept = former?.networkId === networkId ? [former.ipv4, former.ipv6] : [];
      for (const address of [ipv4, ipv6])
        if (address !== "" && !kept.includes(address)) this.#addresses.release(networkId, address, containerId);
    }
  }

  giveBack(containerId: string, { networkId, ipv4, ipv6 }: Attachment) {
    for (const address of [ipv4, ipv6]) if (address !== "") this.#addresses.release(networkId, address, containerId);
  }

  lookup(reference: string): NetworkRecord | undefined {
    try {
      return this.#context.state.findNetwork(reference);
    } catch (error) {
      if (error instanceof FairwayError && error.category === "notFound") return undefined;
      throw error;
    }
  }

  #resolve(attachment: Attachment): NetworkRecord {
    const { state } = this.#context;
    if (attachment.networkId === "") return state.findNetwork(attachment.network);
    const record = state.network(attachment.networkId) ?? this.lookup(attachment.network);
    if (!record) throw networkNotFound(attachment.network);
    return record;
  }

  /** @throws invalidParameter listing every fault */
  check(network: NetworkRecord, spec: EndpointSpec, prefix: string): void {
    checkEndpointSpec(network, spec, prefix);
    if (spec.mac && !isMac(spec.mac.replaceAll("-", ":"))) throw invalid(`${prefix}invalid MAC address: ${spec.mac}`, { code: "bad-mac" });
  }
}

/** Docker's endpoints are named after containers: one has one place on a network. */
export const endpointExists = (containerName: string, network: string): FairwayError =>
  forbidden(`endpoint with name ${containerName} already exists in network ${network}`, { code: "endpoint-exists" });

const noLease = ({ name }: NetworkRecord, containerName: string): FairwayError =>
  conflict(`Cannot attach container "${containerName}" to network "${name}": it has no lease of the LAN's DHCP server; start it again`, {
    code: "no-lease",
  });
