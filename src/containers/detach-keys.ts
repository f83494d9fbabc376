import { invalid } from "#base";

/** ctrl-p, ctrl-q */
export const DEFAULT_DETACH_KEYS = Uint8Array.of(16, 17);

const CONTROL_PUNCTUATION = "@abcdefghijklmnopqrstuvwxyz[\\]^_";

/** `ctrl-p,ctrl-q` or `a,b`: the bytes that detach, in order. @throws invalidParameter `Invalid detach keys (X) provided` */
export function parseDetachKeys(text: string | undefined): Uint8Array {
  if (!text) return DEFAULT_DETACH_KEYS;
  const bytes = text.split(",").map((key) => {
    if (key.length === 1) return key.charCodeAt(0);
    const control = /^ctrl-(.)$/.exec(key)?.[1];
    const code = control === undefined ? -1 : CONTROL_PUNCTUATION.indexOf(control);
    if (code < 0) throw invalid(`Invalid detach keys (${text}) provided`, { code: "bad-detach-keys", context: { keys: text } });
    return code;
  });
  return Uint8Array.from(bytes);
}

/** Watches input for the detach sequence, holding back what may turn out to be its beginning. */
export class DetachScanner {
  readonly #keys: Uint8Array;
  #matched = 0;

  constructor(keys: Uint8Array) {
    this.#keys = keys;
  }

  /** What of the data is to be passed on, and whether the sequence is complete. */
  scan(data: Uint8Array): { pass: Uint8Array; detach: boolean } {
    const pass: number[] = [];
    for (const byte of data) {
      if (byte !== this.#keys[this.#matched]) {
        pass.push(...this.#keys.subarray(0, this.#matched));
        this.#matched = 0;
      }
      if (byte === this.#keys[this.#matched]) {
        this.#matched++;
        if (this.#matched === this.#keys.length) return { pass: Uint8Array.from(pass), detach: true };
      } else pass.push(byte);
    }
    return { pass: Uint8Array.from(pass), detach: false };
  }
}
