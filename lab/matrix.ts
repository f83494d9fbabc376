import type { Host } from "./host.ts";

/** Something that pings and is pinged. */
export interface End {
  readonly name: string;
  readonly address: string;
  /** Runs a shell script where this end is and gives its standard output. */
  run(script: string): Promise<string>;
}

export interface Cell {
  readonly sent: number;
  readonly received: number;
}

/** A host as an end. */
export const hostEnd = (host: Host, address: string, name = host.name): End => ({ name, address, run: (script) => host.sh(script) });

/** A container as an end: pings are run in it by `docker exec`. */
export const containerEnd = (host: Host, container: string, address: string, name = container): End => ({
  name,
  address,
  run: (script) => host.dockerOutput(["exec", container, "sh", "-c", script]),
});

export interface MatrixOptions {
  /** Echo requests a cell. 2 unless given. */
  count?: number;
  /**
   * What is expected. Cells that must ping and did not are tried twice more, so that one late answer on a loaded machine fails nothing; cells that must
   * be blocked are judged by the first try.
   */
  expected?: string;
}

/** Who reaches whom, by ICMP echo: one cell for each ordered pair of ends. */
export class PingMatrix {
  readonly names: readonly string[];
  readonly #cells = new Map<string, Cell>();

  constructor(names: readonly string[]) {
    this.names = names;
  }

  set(from: string, to: string, cell: Cell): void {
    this.#cells.set(`${from}\0${to}`, cell);
  }

  get(from: string, to: string): Cell | undefined {
    return this.#cells.get(`${from}\0${to}`);
  }

  /** `ok` when all were answered, `X` when none, else how many; `-` where nothing was tried. */
  symbol(from: string, to: string): string {
    const cell = this.get(from, to);
    if (!cell) return "-";
    if (cell.received === 0) return "X";
    return cell.received === cell.sent ? "ok" : `${cell.received}/${cell.sent}`;
  }

  /** A grid of symbols, a line for each source, aligned. */
  render(): string {
    const width = Math.max(...this.names.map((name) => name.length), 3) + 1;
    const row = (words: readonly string[]) =>
      words
        .map((word) => word.padEnd(width))
        .join("")
        .trimEnd();
    return [row(["", ...this.names]), ...this.names.map((from) => row([from, ...this.names.map((to) => this.symbol(from, to))]))].join(
      "\n",
    );
  }

  /** Cells that differ from an expected grid in the form of `render()`, one sentence each; `-` and `?` there expect nothing. */
  differences(expected: string): string[] {
    return [...parseGrid(expected)].flatMap(([from, row]) =>
      [...row].flatMap(([to, want]) => {
        const got = this.symbol(from, to);
        return want === "-" || want === "?" || got === want ? [] : [`${from} to ${to}: ${got} where ${want} was expected`];
      }),
    );
  }
}

/** Reads a grid as `render()` prints it. @throws when a row has not a word for each column */
export function parseGrid(grid: string): Map<string, Map<string, string>> {
  const lines = grid
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean)
    .map((line) => line.split(/\s+/));
  const [columns = [], ...rows] = lines;
  return new Map(
    rows.map(([from = "", ...words]) => {
      if (words.length !== columns.length)
        throw new Error(`Row "${from}" has ${words.length} cells, and there are ${columns.length} columns`);
      return [from, new Map(columns.map((to, index) => [to, words[index] ?? ""]))];
    }),
  );
}

/** Counts from the closing lines of iputils' or busybox' ping. @throws when they are not there */
export function parsePing(output: string): Cell {
  const match = /(\d+) packets transmitted, (\d+)(?: packets)? received/.exec(output);
  if (!match) throw new Error(`This is not ping's output: ${output}`);
  return { sent: Number(match[1]), received: Number(match[2]) };
}

const pingCommand = (address: string, count: number) => `ping -q -c ${count} -i 0.3 -W 1 ${address} 2>&1`;

/** Pings every ordered pair of ends; the pings of one source run at the same time. */
export async function pingMatrix(ends: readonly End[], options: MatrixOptions = {}): Promise<PingMatrix> {
  const matrix = new PingMatrix(ends.map((end) => end.name));
  const pairs = ends.flatMap((from) => ends.filter((to) => to !== from).map((to) => [from, to] as const));
  await pingPairs(pairs, options.count ?? 2, matrix);
  const expected = options.expected === undefined ? undefined : parseGrid(options.expected);
  for (let tries = 0; expected && tries < 2; tries++) {
    const again = pairs.filter(
      ([from, to]) => expected.get(from.name)?.get(to.name) === "ok" && matrix.symbol(from.name, to.name) !== "ok",
    );
    if (again.length === 0) break;
    await pingPairs(again, options.count ?? 2, matrix);
  }
  return matrix;
}

async function pingPairs(pairs: readonly (readonly [End, End])[], count: number, matrix: PingMatrix): Promise<void> {
  await Promise.all(
    [...Map.groupBy(pairs, ([from]) => from)].map(async ([from, own]) => {
      const jobs = own.map(([, to], index) => `(o=$(${pingCommand(to.address, count)}); echo "${index} "$o) &`);
      const output = await from.run([...jobs, "wait"].join("\n"));
      for (const [index, [, to]] of own.entries()) {
        const line = output.split("\n").find((text) => text.startsWith(`${index} `)) ?? "";
        matrix.set(from.name, to.name, /packets transmitted/.test(line) ? parsePing(line) : { sent: count, received: 0 });
      }
    }),
  );
}

/** Pings once from an end. @returns sent and received */
export async function ping(from: Pick<End, "run">, address: string, count = 2): Promise<Cell> {
  const output = await from.run(`${pingCommand(address, count)} || true`);
  return /packets transmitted/.test(output) ? parsePing(output) : { sent: count, received: 0 };
}
