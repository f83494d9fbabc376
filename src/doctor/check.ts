/** `ok`: as it should be; `warn`: something that a network may need is missing or near its end; `fail`: something will not work, or is left over. */
export type CheckStatus = "ok" | "warn" | "fail";

/** One thing the doctor looked at. */
export interface Check {
  /** Stable kebab-case name, `kernel-macvlan`, `firewall-forward`. */
  readonly name: string;
  readonly status: CheckStatus;
  /** What was found, one sentence. */
  readonly finding: string;
  /** What to do about it; empty when nothing is to be done. */
  readonly wayOut: string;
}

export const ok = (name: string, finding: string): Check => ({ name, status: "ok", finding, wayOut: "" });
export const warn = (name: string, finding: string, wayOut: string): Check => ({ name, status: "warn", finding, wayOut });
export const fail = (name: string, finding: string, wayOut: string): Check => ({ name, status: "fail", finding, wayOut });
