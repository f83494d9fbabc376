import { DIFFERENCES, type Difference, type DifferenceContext } from "./differences.ts";
import { compare, normalise, sortLists, type Unequal } from "./normalise.ts";
import { type Answer, describe, type Operation } from "./operation.ts";
import type { Side } from "./side.ts";

export interface Finding extends Unequal {
  readonly seed: number;
  /** Number in the sequence; the closing inspections follow the last. */
  readonly step: number;
  readonly operation: Operation;
  readonly messages: readonly [string, string];
}

export interface DuelResult {
  /** Differences that the table does not explain. */
  readonly findings: Finding[];
  readonly operations: number;
  /** Whether an explained difference in what was done ended the sequence before its last operation. */
  readonly cut: boolean;
}

/** dockerd learns of some things a moment after it has answered; what is seen must agree, be it a little later. */
const RETRIES = 3;
const RETRY_MS = 200;

const messageOf = ({ body }: Answer): string => String((body as { message?: unknown } | undefined)?.message ?? "").split("\n")[0]!;
const succeeded = ({ status }: Answer) => status >= 200 && status < 400;

/** Plays sequences on both daemons, an operation at a time, and compares every answer. */
export class Duel {
  readonly #ours: Side;
  readonly #theirs: Side;
  /** How often each row of the table explained something. */
  readonly used = new Map<Difference, number>();

  /** Milliseconds spent in each kind of operation, both at the same time: ours, theirs. */
  readonly times = new Map<string, [number, number]>();

  constructor(ours: Side, theirs: Side) {
    this.#ours = ours;
    this.#theirs = theirs;
  }

  async play(seed: number, operations: readonly Operation[]): Promise<DuelResult> {
    const findings: Finding[] = [];
    const history: Operation[] = [];
    let done = 0;
    let cut = false;
    let background: { operation: Operation; answers: Promise<[Answer, Answer]> } | undefined;
    const check = async (operation: Operation, answers: [Answer, Answer], step: number) => {
      const messages: [string, string] = [messageOf(answers[0]), messageOf(answers[1])];
      let { unequal, ends } = this.#compare({ operation, history, answers, messages });
      for (let tries = 0; tries < RETRIES && unequal.length > 0 && operation.method === "GET"; tries++) {
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        ({ unequal, ends } = this.#compare({ operation, history, answers: await this.#both(operation), messages }));
      }
      findings.push(...unequal.map((each) => ({ ...each, seed, step, operation, messages })));
      if (ends) return false;
      const [ours, theirs] = answers;
      if (succeeded(ours) === succeeded(theirs)) return true;
      return await this.#undo(operation, ours, theirs);
    };
    for (const [step, operation] of operations.entries()) {
      done++;
      const answers = this.#both(operation);
      if (operation.background) {
        background = { operation, answers };
        await new Promise((resolve) => setTimeout(resolve, 50));
        continue;
      }
      history.push(operation);
      let same = await check(operation, await answers, step);
      if (background) {
        same = (await check(background.operation, await background.answers, step - 1)) && same;
        background = undefined;
      }
      if (!same) {
        cut = true;
        break;
      }
    }
    if (!cut) {
      for (const operation of this.#closing()) {
        done++;
        await check(operation, await this.#both(operation), operations.length);
      }
    }
    for (const side of [this.#ours, this.#theirs]) {
      const left = await side.clear();
      if (left.length > 0) {
        const operation: Operation = { kind: "clear", method: "DELETE", path: "/" };
        findings.push({ seed, step: operations.length, operation, path: side.name, ours: left, theirs: undefined, messages: ["", ""] });
      }
    }
    return { findings, operations: done, cut };
  }

  #both(operation: Operation): Promise<[Answer, Answer]> {
    const timed = async (side: Side, index: 0 | 1) => {
      const started = performance.now();
      const result = await side.send(operation);
      const times = this.times.getOrInsertComputed(operation.kind, () => [0, 0]);
      times[index] += performance.now() - started;
      return result;
    };
    return Promise.all([timed(this.#ours, 0), timed(this.#theirs, 1)]);
  }

  /** Everything that is there at the end is looked at once more. */
  #closing(): Operation[] {
    const handles = [...new Set([...this.#ours.ids.keys(), ...this.#theirs.ids.keys()])];
    return [
      { kind: "network inspect", method: "GET", path: "/networks/bridge" },
      ...handles.flatMap((handle): Operation[] => {
        if (handle.startsWith("N")) return [{ kind: "network inspect", method: "GET", path: `/networks/{${handle}}` }];
        if (handle.startsWith("C")) return [{ kind: "container inspect", method: "GET", path: `/containers/{${handle}}/json` }];
        return [];
      }),
      { kind: "container list", method: "GET", path: "/containers/json?all=1" },
      { kind: "network list", method: "GET", path: "/networks" },
    ];
  }

  /** Takes back what only one daemon made, so that both go on from the same state. @returns whether they can */
  async #undo(operation: Operation, ours: Answer, theirs: Answer): Promise<boolean> {
    const winner = succeeded(ours) ? this.#ours : this.#theirs;
    const { Id } = ((succeeded(ours) ? ours : theirs).body ?? {}) as { Id?: string };
    if (operation.method === "GET") return true;
    if (operation.handle === undefined || Id === undefined) return false;
    winner.forget(operation.handle);
    if (operation.handle.startsWith("E")) return true;
    const { status } = await winner.call("DELETE", operation.handle.startsWith("N") ? `/networks/${Id}` : `/containers/${Id}?force=1&v=1`);
    return status === 204;
  }

  #compare(context: DifferenceContext): { unequal: Unequal[]; ends: boolean } {
    let ends = false;
    const { operation, answers } = context;
    const [ours, theirs] = answers;
    const shape = (answer: Answer, side: Side) =>
      normalise(answer.body === undefined ? undefined : sortLists(operation.kind, answer.body), side.ids);
    const unequal = compare({ status: ours.status }, { status: theirs.status });
    // The words of errors have changed from version to version: that there are some is what counts.
    const failed = !succeeded(ours) || !succeeded(theirs);
    unequal.push(
      ...(failed
        ? compare({ message: messageOf(ours) !== "" || succeeded(ours) }, { message: messageOf(theirs) !== "" || succeeded(theirs) })
        : compare(shape(ours, this.#ours), shape(theirs, this.#theirs))),
    );
    const left = unequal.filter((each) => {
      const rule = DIFFERENCES.find((difference) => difference.accepts(each, context));
      if (rule?.ends) ends = true;
      if (rule) this.used.set(rule, (this.used.get(rule) ?? 0) + 1);
      return rule === undefined;
    });
    return { unequal: left, ends };
  }
}

const brief = (value: unknown) => {
  const text = value === undefined ? "(absent)" : JSON.stringify(value);
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
};

export function report({ seed, step, operation, path, ours, theirs, messages }: Finding): string {
  const said = messages.some((message) => message !== "") ? `\n      said ours: ${messages[0]}\n         theirs: ${messages[1]}` : "";
  return `seed ${seed} step ${step} ${operation.kind}: ${path || "(whole)"}\n      ${describe(operation)}\n      ours:   ${brief(ours)}\n      theirs: ${brief(theirs)}${said}`;
}
