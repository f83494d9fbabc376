import { randomBytes } from "node:crypto";

/** A new object id: 256 random bits as 64 lower-case hex digits (Docker's stringid). Never all digits in its first 12, so that a short id is no number. */
export function newId(): string {
  for (;;) {
    const id = randomBytes(32).toString("hex");
    if (/[a-f]/.test(id.slice(0, 12))) return id;
  }
}

/** The 12-digit short form of an id. */
export const shortId = (id: string): string => id.slice(0, 12);

/** True for a full 64-digit id. */
export const isFullId = (text: string): boolean => /^[0-9a-f]{64}$/.test(text);
