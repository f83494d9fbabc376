import type { AttributeReader, PayloadWriter, RawAttribute } from "#kernel/netlink";
import { NFTA_DATA_VALUE, NFTA_DATA_VERDICT, NFTA_EXPR_DATA, NFTA_EXPR_NAME } from "./constants.ts";
import { decodeVerdict, encodeVerdict } from "./verdict.ts";

/** How one attribute of an expression is written and read. */
interface Wire<T> {
  readonly type: number;
  write(writer: PayloadWriter, type: number, value: T): unknown;
  read(reader: AttributeReader): T;
}

const u32 = (type: number): Wire<number> => ({
  type,
  write: (writer, at, value) => writer.attrU32be(at, value),
  read: (reader) => reader.u32be(),
});

const string = (type: number): Wire<string> => ({
  type,
  write: (writer, at, value) => writer.attrString(at, value),
  read: (reader) => reader.string(),
});

/** A number by its name in nft's language; numbers without a name here stay numbers. */
function word<const W extends Record<string, number>>(type: number, words: W): Wire<(keyof W & string) | number> {
  const names = new Map(Object.entries(words).map(([name, value]) => [value, name as keyof W & string]));
  return {
    type,
    write: (writer, at, value) => writer.attrU32be(at, typeof value === "number" ? value : words[value]!),
    read: (reader) => {
      const value = reader.u32be();
      return names.get(value) ?? value;
    },
  };
}

/** NFTA_DATA_VALUE as bytes, or a verdict as `["goto", "published"]`. */
const data = (type: number): Wire<Uint8Array | readonly string[]> => ({
  type,
  write: (writer, at, value) =>
    writer.nested(at, (inner) => (value instanceof Uint8Array ? inner.attrBytes(NFTA_DATA_VALUE, value) : encodeVerdict(inner, value))),
  read: (reader) => {
    for (const inner = reader.nested(); inner.next(); ) {
      if (inner.type === NFTA_DATA_VALUE) return inner.bytes().slice();
      if (inner.type === NFTA_DATA_VERDICT) return decodeVerdict(reader.nested()) ?? [];
    }
    return new Uint8Array();
  },
});

const META = { len: 0, protocol: 1, priority: 2, mark: 3, iif: 4, oif: 5, iifname: 6, oifname: 7, nfproto: 15, l4proto: 16, pkttype: 19 };
const BASES = { link: 0, network: 1, transport: 2 };
const COMPARE = { eq: 0, neq: 1, lt: 2, lte: 3, gt: 4, gte: 5 };
const CT = { state: 0, direction: 1, status: 2, mark: 3 };
const NAT_FAMILIES = { ip: 2, ip6: 10 };

/** The expressions we write, their attributes in the order libnftnl writes them (linux/netfilter/nf_tables.h). Registers are NFT_REG_*. */
const WIRE = {
  meta: { key: word(2, META), dreg: u32(1), sreg: u32(3) },
  /** With `sreg` it writes; `csumFlags` 1 mends the checksum of whatever protocol it is, and leaves a UDP packet without one as it is. */
  payload: {
    ...{ dreg: u32(1), sreg: u32(5), base: word(2, BASES), offset: u32(3), length: u32(4) },
    ...{ csumType: u32(6), csumOffset: u32(7), csumFlags: u32(8) },
  },
  cmp: { sreg: u32(1), op: word(2, COMPARE), data: data(3) },
  immediate: { dreg: u32(1), data: data(2) },
  lookup: { sreg: u32(2), dreg: u32(3), set: string(1), setId: u32(4), flags: u32(5) },
  bitwise: { sreg: u32(1), dreg: u32(2), length: u32(3), op: u32(6), mask: data(4), xor: data(5) },
  ct: { key: word(2, CT), dreg: u32(1), direction: u32(3), sreg: u32(4) },
  fib: { flags: u32(3), result: word(2, { oif: 1, oifname: 2, type: 3 }), dreg: u32(1) },
  nat: {
    type: word(1, { snat: 0, dnat: 1 }),
    family: word(2, NAT_FAMILIES),
    addrMin: u32(3),
    addrMax: u32(4),
    protoMin: u32(5),
    protoMax: u32(6),
    flags: u32(7),
  },
  redir: { protoMin: u32(1), protoMax: u32(2), flags: u32(3) },
  notrack: {},
  masq: { flags: u32(1), protoMin: u32(2), protoMax: u32(3) },
};

type Fields<W> = { readonly [K in keyof W]?: W[K] extends Wire<infer T> ? T : never };

/** An expression we know, by name; attributes that are not in the table above are kept in `rest`. */
export type KnownExpression = {
  [N in keyof typeof WIRE]: { readonly expr: N; readonly rest?: readonly RawAttribute[] } & Fields<(typeof WIRE)[N]>;
}[keyof typeof WIRE];

/** Any other expression, kept as it came. */
export interface OpaqueExpression {
  readonly expr: "opaque";
  readonly name: string;
  readonly data: Uint8Array;
}

export type Expression = KnownExpression | OpaqueExpression;

const WIRES: ReadonlyMap<string, readonly [field: string, wire: Wire<unknown>][]> = new Map(
  Object.entries(WIRE as unknown as Record<string, Record<string, Wire<unknown>>>).map(([name, wires]) => [name, Object.entries(wires)]),
);

/** Writes NFTA_EXPR_NAME and NFTA_EXPR_DATA. */
export function encodeExpression(writer: PayloadWriter, expression: Expression): void {
  if (expression.expr === "opaque") {
    writer.attrString(NFTA_EXPR_NAME, expression.name).nested(NFTA_EXPR_DATA, (inner) => inner.raw(expression.data));
    return;
  }
  writer.attrString(NFTA_EXPR_NAME, expression.expr).nested(NFTA_EXPR_DATA, (inner) => {
    const values = expression as unknown as Record<string, unknown>;
    for (const [field, wire] of WIRES.get(expression.expr)!) {
      const value = values[field];
      if (value !== undefined) wire.write(inner, wire.type, value);
    }
    for (const { type, bytes } of expression.rest ?? []) inner.attrBytes(type, bytes);
  });
}

/** Reads the attributes of one list entry. */
export function decodeExpression(reader: AttributeReader): Expression {
  let name = "";
  let content: AttributeReader | undefined;
  let bytes = new Uint8Array();
  while (reader.next()) {
    if (reader.type === NFTA_EXPR_NAME) name = reader.string();
    else if (reader.type === NFTA_EXPR_DATA) {
      content = reader.nested();
      bytes = reader.bytes().slice();
    }
  }
  const wires = WIRES.get(name);
  if (!wires) return { expr: "opaque", name, data: bytes };
  const expression: Record<string, unknown> = { expr: name };
  const rest: RawAttribute[] = [];
  while (content?.next()) {
    const field = wires.find(([, wire]) => wire.type === content.type);
    if (field) expression[field[0]] = field[1].read(content);
    else rest.push(content.raw());
  }
  if (rest.length > 0) expression.rest = rest;
  return expression as unknown as Expression;
}
