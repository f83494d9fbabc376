/** One query of one sandbox, as its log shows it. */
export interface QueryLogEntry {
  readonly time: Date;
  readonly transport: "udp" | "tcp";
  /** As text, lower case. */
  readonly name: string;
  /** `A`, `TYPE65`… */
  readonly type: string;
  readonly rcode: string;
  /** Records in the answer section. */
  readonly answers: number;
  /** The server that answered; undefined for an answer of ours. */
  readonly upstream: string | undefined;
  readonly milliseconds: number;
}

/** What a sandbox's resolver counted since it was made. */
export interface DnsCounters {
  queries: number;
  /** Answered from container names. */
  local: number;
  /** Asked of an upstream; a question that joined one in flight counts too. */
  forwarded: number;
  /** Names refused to leave: single-label, private, or an internal network's. */
  withheld: number;
  /** Over a limit. */
  refused: number;
  /** No upstream answered. */
  failed: number;
  /** Messages that are no proper query. */
  malformed: number;
}

export const newCounters = (): DnsCounters => ({ queries: 0, local: 0, forwarded: 0, withheld: 0, refused: 0, failed: 0, malformed: 0 });
