/** What kind of failure it is; `server/status.ts` maps each to one HTTP status, as moby's errdefs do. */
export type ErrorCategory =
  | "notFound" // 404
  | "invalidParameter" // 400
  | "conflict" // 409
  | "forbidden" // 403
  | "unauthorized" // 401
  | "unavailable" // 503
  | "notImplemented" // 501
  | "notModified" // 304
  | "internal"; // 500

export interface FairwayErrorOptions {
  /** Stable kebab-case word a program can switch on, as `address-in-use`. */
  code?: string;
  /** Typed facts behind the message; serialised with `--json`. */
  context?: Readonly<Record<string, unknown>>;
  cause?: unknown;
}

/** The one error type that crosses room borders; its message is fit for a user's eyes. */
export class FairwayError extends Error {
  readonly category: ErrorCategory;
  readonly code: string;
  readonly context: Readonly<Record<string, unknown>>;

  constructor(category: ErrorCategory, message: string, options: FairwayErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "FairwayError";
    this.category = category;
    this.code = options.code ?? category;
    this.context = options.context ?? {};
  }
}

export const notFound = (message: string, options?: FairwayErrorOptions) => new FairwayError("notFound", message, options);
export const invalid = (message: string, options?: FairwayErrorOptions) => new FairwayError("invalidParameter", message, options);
export const conflict = (message: string, options?: FairwayErrorOptions) => new FairwayError("conflict", message, options);
export const forbidden = (message: string, options?: FairwayErrorOptions) => new FairwayError("forbidden", message, options);
export const internal = (message: string, options?: FairwayErrorOptions) => new FairwayError("internal", message, options);
export const notImplemented = (message: string, options?: FairwayErrorOptions) => new FairwayError("notImplemented", message, options);

/** The text of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Prefixes the message of any failure, keeping its category and code: what a caller adds is what it attempted. */
export function withContext(prefix: string, error: unknown): FairwayError {
  const message = `${prefix}: ${messageOf(error)}`;
  if (error instanceof FairwayError)
    return new FairwayError(error.category, message, { code: error.code, context: error.context, cause: error });
  return new FairwayError("internal", message, { cause: error });
}
