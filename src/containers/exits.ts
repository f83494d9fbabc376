import { type FSWatcher, mkdirSync, readdirSync, readFileSync, rmSync, watch } from "node:fs";
import type { Log } from "#base";

/** ms between looks at the directory, should inotify have missed one. */
const LOOK_AGAIN = 2000;

/** The directory in which every container's conmon leaves its exit code: one watch for all. */
export class ExitWatch {
  readonly directory: string;
  readonly #onExit: (id: string) => void;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(directory: string, onExit: (id: string) => void) {
    this.directory = directory;
    this.#onExit = onExit;
    mkdirSync(directory, { recursive: true });
  }

  /** Reports what is there already, then each one that comes; one id may be reported more than once until it is cleared. */
  open(log: Log): void {
    const report = (name: string) => {
      if (/^[0-9a-f]{64}$/.test(name)) this.#onExit(name);
    };
    const look = () => {
      for (const name of readdirSync(this.directory)) report(name);
    };
    this.#watcher = watch(this.directory, { persistent: false }, (_, name) => name && report(name));
    this.#watcher.on("error", (error) => log.warn("Cannot watch for exits, looking every two seconds instead", { error }));
    look();
    this.#timer = setInterval(look, LOOK_AGAIN);
    this.#timer.unref();
  }

  /** The code conmon wrote (128 and the signal's number when killed), undefined when it has not. */
  code(id: string): number | undefined {
    try {
      const text = readFileSync(`${this.directory}/${id}`, "latin1");
      return /^-?\d+$/.test(text) ? Number(text) : undefined;
    } catch {
      return undefined;
    }
  }

  /** The exit is on record: the file may go. */
  clear(id: string): void {
    rmSync(`${this.directory}/${id}`, { force: true });
  }

  close(): void {
    this.#watcher?.close();
    clearInterval(this.#timer);
  }
}
