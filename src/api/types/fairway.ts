/** What the endpoints of Fairway's own (`/fairway/…`) answer: what Docker's API has no word for. */

/** `GET /fairway/version` */
export interface FairwayVersion {
  readonly version: string;
  readonly apiVersion: string;
  readonly minApiVersion: string;
  readonly node: string;
  readonly kernel: string;
  readonly arch: string;
  readonly components: readonly { readonly name: string; readonly version: string }[];
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly pid: number;
}

export interface FairwayCheck {
  readonly name: string;
  readonly status: "ok" | "warn" | "fail";
  readonly finding: string;
  readonly wayOut: string;
}

/** `GET /fairway/doctor` */
export interface FairwayDoctor {
  readonly checks: readonly FairwayCheck[];
}

/** One difference between what is wanted and what the kernel has. */
export interface FairwayDrift {
  readonly kind: "missing" | "different" | "stray";
  /** `address 172.18.0.1/16 on br-0123456789ab` */
  readonly description: string;
  /** Who wants it, `network blue`, `container web`; empty for a stray. */
  readonly wantedBy: readonly string[];
}

/** `GET /fairway/drift` */
export interface FairwayDriftReport {
  readonly drift: readonly FairwayDrift[];
}

/** `POST /fairway/drift/repair` */
export interface FairwayRepair {
  /** What was found and put right. */
  readonly repaired: readonly FairwayDrift[];
  /** What is still wrong after it. */
  readonly left: readonly FairwayDrift[];
}

/** `GET /fairway/networks/routes`: networks of this host that are joined by a route through it. */
export interface FairwayRoutes {
  readonly routes: readonly { readonly from: string; readonly to: string }[];
}

/** A line of `GET /fairway/dns/log?container=…`: one query that the container's embedded DNS answered. */
export interface FairwayDnsQuery {
  /** RFC 3339. */
  readonly time: string;
  readonly transport: "udp" | "tcp";
  readonly name: string;
  /** `A`, `AAAA`, `TYPE65` */
  readonly type: string;
  /** `NOERROR`, `NXDOMAIN` */
  readonly rcode: string;
  /** Records in the answer. */
  readonly answers: number;
  /** The server that answered; null for an answer of Fairway's own. */
  readonly upstream: string | null;
  readonly milliseconds: number;
}
