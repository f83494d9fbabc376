import { type ErrorCategory, FairwayError, messageOf } from "#base";

/** Every error category's HTTP status, in the one place that knows both (moby keeps the same map in daemon/server/httpstatus). */
const STATUS: Readonly<Record<ErrorCategory, number>> = {
  notFound: 404,
  invalidParameter: 400,
  conflict: 409,
  forbidden: 403,
  unauthorized: 401,
  unavailable: 503,
  notImplemented: 501,
  notModified: 304,
  internal: 500,
};

/** A code rather than a category: only the server itself can find a method wrong. */
export const METHOD_NOT_ALLOWED = "method-not-allowed";

export function statusOf(error: unknown): number {
  if (!(error instanceof FairwayError)) return 500;
  return error.code === METHOD_NOT_ALLOWED ? 405 : STATUS[error.category];
}

/** The body of a failed answer. */
export const errorBody = (error: unknown): { message: string } => ({ message: messageOf(error) });
