import type { LinkHole } from "#drivers";
import type { DesiredState, RouteItem, SandboxTableItem } from "#fabric";
import { expandPort } from "#ports";
import type { Context } from "./context.ts";
import { endpointModel, endpointScope, modelOf, namespacePath, sandboxScope, sandboxState } from "./desired.ts";
import { defaultRoutes, type Placed, placedOf } from "./gateway.ts";
import type { Names } from "./names.ts";
import type { Publisher } from "./publisher.ts";
import type { Attachment, NetworkRecord, SandboxRecord } from "./records.ts";

/** The upper half of marks and routing tables of replies, `FW`. */
const REPLY_MARKS = 0x4657_0000;

/** What an open sandbox wants of the kernel, computed from its record. */
export class SandboxPlan {
  readonly #context: Context;
  readonly #names: Names;
  readonly #publisher: Publisher;

  constructor(context: Context, names: Names, publisher: Publisher) {
    this.#context = context;
    this.#names = names;
    this.#publisher = publisher;
  }

  /** Everything an open sandbox wants, scope by scope. Pure of the record, the state and the host's facts. */
  desired(record: SandboxRecord): Map<string, DesiredState> {
    const ns = this.namespaceOf(record);
    const wants = new Map<string, DesiredState>();
    if (!hasNamespace(record)) return wants;
    const facts = this.#context.facts();
    wants.set(sandboxScope(record.spec.containerId), sandboxState(ns, record.spec.sysctls, this.#table(record)));
    const placed = this.placed(record);
    const routes = defaultRoutes(placed);
    for (const { attachment, network } of placed) {
      const driver = this.#context.driver(network.driver);
      if (!driver.traits.hasEndpoints) continue;
      const replies = this.#replyMark(placed, attachment);
      const role = { default4: routes.v4 === network.id, default6: routes.v6 === network.id, replies, links: this.#holes(record, network) };
      const items = driver.endpoint(modelOf(network), endpointModel(ns, attachment, role), facts);
      wants.set(endpointScope(attachment.endpointId), [
        ...items,
        ...this.#joinRoutes(ns, attachment, network, replies),
        ...this.#publisher.items(record, network, attachment),
      ]);
    }
    return wants;
  }

  /** The same of all open sandboxes on a network. */
  onNetwork(networkId: string): Map<string, DesiredState> {
    const open = this.#context.state.membersOf(networkId).filter(({ up }) => up);
    return new Map(open.flatMap((record) => [...this.desired(record)]));
  }

  /** Ways to the subnets of networks that this one is joined to, through the host's leg. */
  #joinRoutes(ns: string, { ifname }: Attachment, network: NetworkRecord, table: number | undefined): RouteItem[] {
    const joined = this.#context.state.joinedTo(network.id);
    if (joined.length === 0) return [];
    const leg = this.#context.driver(network.driver).hostLeg(modelOf(network), this.#context.facts());
    return joined.flatMap(({ pools }) =>
      pools.flatMap(({ family, subnet }): RouteItem[] => {
        const gateway = family === 4 ? leg?.v4 : leg?.v6;
        if (!gateway) return [];
        const route: RouteItem = { type: "route", ns, link: ifname, destination: subnet, gateway };
        return table === undefined ? [route] : [route, { ...route, table }];
      }),
    );
  }

  #table(record: SandboxRecord): Omit<SandboxTableItem, "type" | "ns"> | undefined {
    const dns = this.#names.table(record);
    const redirects = this.#publisher.redirects(record);
    const placed = this.placed(record);
    const replies = placed.flatMap(({ attachment }) => {
      const mark = this.#replyMark(placed, attachment);
      return mark === undefined ? [] : [{ ifname: attachment.ifname, mark }];
    });
    if (!dns && redirects.length === 0 && replies.length === 0) return undefined;
    return { ...(dns ? { dns } : {}), ...(redirects.length > 0 ? { redirects } : {}), ...(replies.length > 0 ? { replies } : {}) };
  }

  /** Where a sandbox has several interfaces, the mark of what comes in by one: of its name, so that others coming and going do not change it. */
  #replyMark(placed: readonly Placed[], { ifname }: Attachment): number | undefined {
    if (ifname === "" || placed.filter(({ attachment }) => attachment.ifname !== "").length < 2) return undefined;
    let hash = 0;
    for (let index = 0; index < ifname.length; index++) hash = (hash * 31 + ifname.charCodeAt(index)) & 0xffff;
    return REPLY_MARKS + hash;
  }

  placed(record: SandboxRecord): Placed[] {
    return placedOf(this.#context.state, record);
  }

  /** Legacy links: the ports the linked container exposes, when both are on the default bridge. */
  #holes(record: SandboxRecord, network: NetworkRecord): LinkHole[] {
    if (network.name !== "bridge") return [];
    return this.#names.linkedTo(record).flatMap(({ target }) => {
      const address = target.attachments.find(({ networkId }) => networkId === network.id)?.ipv4;
      if (!address) return [];
      const server = address.slice(0, address.indexOf("/"));
      return target.spec.exposed.flatMap(expandPort).map(({ port, proto }): LinkHole => ({ proto, server, port }));
    });
  }

  namespaceOf(record: Pick<SandboxRecord, "spec">): string {
    return namespacePath(this.#context.config.execRoot, record.spec.containerId);
  }
}

/** A sandbox with a namespace of its own: not the host's, not another container's. */
export const hasNamespace = ({ spec }: Pick<SandboxRecord, "spec">): boolean =>
  spec.network.mode !== "host" && spec.network.mode !== "container";
