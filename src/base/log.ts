export const LOG_LEVELS = ["debug", "info", "warn", "error", "fatal"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type LogFields = Readonly<Record<string, unknown>>;

/** A structured logger: one line a record, `time= level= msg= key=value…`, the form dockerd's text log has. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export interface LineLogOptions {
  level: LogLevel;
  format?: "text" | "json";
  write(line: string): void;
  now?: () => Date;
}

const quote = (value: unknown): string => {
  const text = value instanceof Error ? value.message : typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return /^[\w./:@%+-]+$/.test(text) ? text : JSON.stringify(text);
};

/** A logger whose level can be changed while it runs (SIGHUP reload). */
export class LineLog implements Log {
  level: LogLevel;
  readonly #options: LineLogOptions;

  constructor(options: LineLogOptions) {
    this.level = options.level;
    this.#options = options;
  }

  debug(message: string, fields?: LogFields) {
    this.#line("debug", message, fields);
  }
  info(message: string, fields?: LogFields) {
    this.#line("info", message, fields);
  }
  warn(message: string, fields?: LogFields) {
    this.#line("warn", message, fields);
  }
  error(message: string, fields?: LogFields) {
    this.#line("error", message, fields);
  }

  #line(level: LogLevel, message: string, fields: LogFields = {}) {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(this.level)) return;
    const time = (this.#options.now?.() ?? new Date()).toISOString();
    if (this.#options.format === "json") {
      this.#options.write(JSON.stringify({ time, level, msg: message, ...fields }));
      return;
    }
    const extra = Object.entries(fields)
      .map(([key, value]) => ` ${key}=${quote(value)}`)
      .join("");
    this.#options.write(`time=${quote(time)} level=${level} msg=${JSON.stringify(message)}${extra}`);
  }
}

/** Swallows everything: for tests and for the engine as a library. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
