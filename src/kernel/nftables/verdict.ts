import { invalid } from "#base";
import type { AttributeReader, PayloadWriter } from "#kernel/netlink";
import { NFTA_DATA_VERDICT, NFTA_VERDICT_CHAIN, NFTA_VERDICT_CODE } from "./constants.ts";

/** NF_DROP, NF_ACCEPT, and nf_tables.h's negative ones. */
const CODES: Readonly<Record<string, number>> = { drop: 0, accept: 1, continue: -1, jump: -3, goto: -4, return: -5 };
const NAMES = new Map(Object.entries(CODES).map(([name, code]) => [code, name]));

/** Writes `["accept"]`, `["goto", "nat_in"]` as NFTA_DATA_VERDICT. @throws invalidParameter */
export function encodeVerdict(writer: PayloadWriter, verdict: readonly string[]): PayloadWriter {
  const [name = "", chain] = verdict;
  const code = CODES[name];
  if (code === undefined || (chain !== undefined) !== (name === "jump" || name === "goto"))
    throw invalid(`Cannot encode verdict "${verdict.join(" ")}"`, { code: "bad-element" });
  return writer.nested(NFTA_DATA_VERDICT, (inner) => {
    inner.attrU32be(NFTA_VERDICT_CODE, code);
    if (chain !== undefined) inner.attrString(NFTA_VERDICT_CHAIN, chain);
  });
}

/** Reads the NFTA_DATA_VERDICT among some data's attributes. */
export function decodeVerdict(data: AttributeReader): string[] | undefined {
  while (data.next()) {
    if (data.type !== NFTA_DATA_VERDICT) continue;
    const parts: string[] = [];
    for (const inner = data.nested(); inner.next(); ) {
      if (inner.type === NFTA_VERDICT_CODE) {
        const code = inner.u32be() | 0;
        parts[0] = NAMES.get(code) ?? String(code);
      } else if (inner.type === NFTA_VERDICT_CHAIN) parts[1] = inner.string();
    }
    return parts;
  }
  return undefined;
}
