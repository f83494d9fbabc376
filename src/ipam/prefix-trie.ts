import { type Cidr, type Family, widthOf } from "#base";

/** No free block at all. */
const NONE = 999;

/** A prefix with something in or below it; prefixes without a node are wholly free. */
interface Node<H> {
  /** Holders of exactly this prefix. */
  holders: H[];
  /** How often exactly this prefix is avoided. */
  avoided: number;
  /** Holders at and below. */
  held: number;
  /** Prefix length of the largest free aligned block within; `NONE` when there is none. */
  best: number;
  children: [Node<H> | undefined, Node<H> | undefined];
}

/** The address as 32-bit words, most significant first: bits are read from them far faster than from a bigint. */
const wordsOf = ({ family, base }: Cidr): number[] =>
  family === 4 ? [Number(base)] : [96n, 64n, 32n, 0n].map((shift) => Number((base >> shift) & 0xffff_ffffn));

const bitOf = (words: readonly number[], depth: number): 0 | 1 => (((words[depth >>> 5]! >>> (31 - (depth & 31))) & 1) === 1 ? 1 : 0);

const bestOf = <H>(child: Node<H> | undefined, depth: number): number => (child ? child.best : depth);

/**
 * Which prefixes of one family are taken: a binary trie whose every node knows the largest free block below it. Taking, freeing, finding the lowest
 * free block of a size and finding who overlaps all cost one walk of at most 32 (128) steps, however many are taken.
 */
export class PrefixTrie<H> {
  readonly family: Family;
  #root: Node<H> | undefined;

  constructor(family: Family) {
    this.family = family;
  }

  add(prefix: Cidr, holder: H): void {
    this.#root = this.#change(this.#root, prefix, wordsOf(prefix), 0, (node) => void node.holders.push(holder));
  }

  /** Does nothing when the holder does not hold exactly that prefix. */
  remove(prefix: Cidr, holder: H): void {
    this.#root = this.#change(this.#root, prefix, wordsOf(prefix), 0, (node) => {
      const index = node.holders.indexOf(holder);
      if (index >= 0) node.holders.splice(index, 1);
    });
  }

  /** Marks a prefix as not to be chosen; counted, so that marks of several sources do not undo each other. */
  avoid(prefix: Cidr): void {
    this.#root = this.#change(this.#root, prefix, wordsOf(prefix), 0, (node) => void node.avoided++);
  }

  unavoid(prefix: Cidr): void {
    this.#root = this.#change(this.#root, prefix, wordsOf(prefix), 0, (node) => {
      node.avoided = Math.max(0, node.avoided - 1);
    });
  }

  /** Base of the lowest free block of that prefix length inside `within`. */
  lowestFree(within: Cidr, prefix: number): bigint | undefined {
    if (prefix < within.prefix || prefix > widthOf(this.family)) return undefined;
    const words = wordsOf(within);
    let node = this.#root;
    for (let depth = 0; depth < within.prefix && node; depth++) {
      if (node.holders.length > 0 || node.avoided > 0) return undefined;
      node = node.children[bitOf(words, depth)];
    }
    if (bestOf(node, within.prefix) > prefix) return undefined;
    let base = within.base;
    const width = widthOf(this.family);
    for (let depth = within.prefix; depth < prefix && node; depth++) {
      const goRight: boolean = bestOf(node.children[0], depth + 1) > prefix;
      if (goRight) base |= 1n << BigInt(width - 1 - depth);
      node = node.children[goRight ? 1 : 0];
    }
    return base;
  }

  /** Holders whose prefix shares an address with this one: those around it first, then those inside it from the lowest on. */
  *overlapping(prefix: Cidr): Generator<H> {
    const words = wordsOf(prefix);
    let node = this.#root;
    for (let depth = 0; depth < prefix.prefix && node; depth++) {
      yield* node.holders;
      node = node.children[bitOf(words, depth)];
    }
    yield* this.#below(node);
  }

  /** Number of holders within a prefix. */
  countWithin(prefix: Cidr): number {
    const words = wordsOf(prefix);
    let node = this.#root;
    for (let depth = 0; depth < prefix.prefix && node; depth++) node = node.children[bitOf(words, depth)];
    return node?.held ?? 0;
  }

  *#below(node: Node<H> | undefined): Generator<H> {
    if (!node || node.held === 0) return;
    yield* node.holders;
    yield* this.#below(node.children[0]);
    yield* this.#below(node.children[1]);
  }

  #change(
    found: Node<H> | undefined,
    prefix: Cidr,
    words: readonly number[],
    depth: number,
    edit: (node: Node<H>) => void,
  ): Node<H> | undefined {
    const node = found ?? { holders: [], avoided: 0, held: 0, best: depth, children: [undefined, undefined] };
    if (depth === prefix.prefix) edit(node);
    else {
      const side = bitOf(words, depth);
      node.children[side] = this.#change(node.children[side], prefix, words, depth + 1, edit);
    }
    const [left, right] = node.children;
    const blocked = node.holders.length > 0 || node.avoided > 0;
    if (!blocked && !left && !right) return undefined;
    node.held = node.holders.length + (left?.held ?? 0) + (right?.held ?? 0);
    node.best = blocked ? NONE : Math.min(bestOf(left, depth + 1), bestOf(right, depth + 1));
    return node;
  }
}
