import { invalid } from "#base";
import { AttributeReader, type NetlinkRequest, NLM_F_EXCL, PayloadWriter } from "#kernel/netlink";
import {
  NFT_MSG_DELSETELEM,
  NFT_MSG_DESTROYSETELEM,
  NFT_MSG_NEWSETELEM,
  NFT_SET_ELEM_INTERVAL_END,
  NFTA_DATA_VALUE,
  NFTA_LIST_ELEM,
  NFTA_SET_ELEM_DATA,
  NFTA_SET_ELEM_FLAGS,
  NFTA_SET_ELEM_KEY,
  NFTA_SET_ELEM_KEY_END,
  NFTA_SET_ELEM_LIST_ELEMENTS,
  NFTA_SET_ELEM_LIST_SET,
  NFTA_SET_ELEM_LIST_TABLE,
} from "./constants.ts";
import { decodeBounds, decodeFields, encodeBounds, encodeFields, FIELDS } from "./fields.ts";
import { CREATE, NFGENMSG_LENGTH, nftRequest } from "./message.ts";
import type { SetSchema } from "./set.ts";
import { decodeVerdict, encodeVerdict } from "./verdict.ts";

/** An element in nft's own words: one part a key field; the value's fields, or a verdict as `["goto", "nat_in"]`. */
export interface Element {
  readonly key: readonly string[];
  readonly value?: readonly string[];
}

/** What the kernel holds: keys as bytes. `end` marks the closing half of an interval in a set of one field. */
interface RawElement {
  readonly key: Uint8Array;
  readonly keyEnd?: Uint8Array;
  readonly value?: readonly string[];
  readonly end: boolean;
}

/** One message holds this much of elements; nla_len is 16 bits. */
const MESSAGE_BYTES = 32 << 10;

/** The text of an element as nft prints it, for errors. */
export const elementText = ({ key, value }: Element, set: SetSchema): string =>
  value ? `${key.join(" . ")} : ${value.join(set.value === "verdict" ? " " : " . ")}` : key.join(" . ");

/** The value after a big-endian key, or undefined past the largest one. */
function successor(key: Uint8Array): Uint8Array | undefined {
  const next = key.slice();
  for (let at = next.length - 1; at >= 0; at--) {
    next[at] = (next[at]! + 1) & 255;
    if (next[at] !== 0) return next;
  }
  return undefined;
}

function predecessor(key: Uint8Array): Uint8Array {
  const before = key.slice();
  for (let at = before.length - 1; at >= 0; at--) {
    before[at] = (before[at]! + 255) & 255;
    if (before[at] !== 255) break;
  }
  return before;
}

const writeKey = (writer: PayloadWriter, type: number, key: Uint8Array): PayloadWriter =>
  writer.nested(type, (inner) => inner.attrBytes(NFTA_DATA_VALUE, key));

function writeElement(writer: PayloadWriter, set: SetSchema, element: Element, withValue: boolean): void {
  const concat = set.key.length > 1;
  const [first, last] = set.interval ? encodeBounds(set.key, element.key) : [encodeFields(set.key, element.key), undefined];
  writer.nested(NFTA_LIST_ELEM, (inner) => {
    writeKey(inner, NFTA_SET_ELEM_KEY, first);
    if (last && concat) writeKey(inner, NFTA_SET_ELEM_KEY_END, last);
    if (withValue) writeValue(inner, set, element);
  });
  const after = last && !concat ? successor(last) : undefined;
  if (!after) return;
  writer.nested(NFTA_LIST_ELEM, (inner) =>
    writeKey(inner.attrU32be(NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END), NFTA_SET_ELEM_KEY, after),
  );
}

function writeValue(writer: PayloadWriter, set: SetSchema, { value, key }: Element): void {
  if (!set.value) return;
  if (!value) throw invalid(`Cannot add ${key.join(" . ")} to map ${set.set}: it has no value`, { code: "bad-element" });
  if (set.value === "verdict") writer.nested(NFTA_SET_ELEM_DATA, (inner) => encodeVerdict(inner, value));
  else writeKey(writer, NFTA_SET_ELEM_DATA, encodeFields(set.value, value));
}

/** How elements are changed: `add` passes over equal ones that are there, `create` refuses them; `destroy` passes over missing ones (Linux 6.3). */
export type ElementAction = "add" | "create" | "delete" | "destroy";

const TYPES = { add: NFT_MSG_NEWSETELEM, create: NFT_MSG_NEWSETELEM, delete: NFT_MSG_DELSETELEM, destroy: NFT_MSG_DESTROYSETELEM } as const;

/** A request, and which of the elements it carries. */
export interface ElementsRequest {
  readonly request: NetlinkRequest;
  readonly elements: readonly Element[];
}

/** Encodes any number of elements, over as many messages as they need. @throws invalidParameter for text that is not of the set's types */
export function encodeElements(action: ElementAction, set: SetSchema, elements: readonly Element[]): ElementsRequest[] {
  const requests: ElementsRequest[] = [];
  const adding = action === "add" || action === "create";
  const flags = adding ? CREATE | (action === "create" ? NLM_F_EXCL : 0) : 0;
  for (let start = 0; start < elements.length; ) {
    const list = new PayloadWriter(512);
    let end = start;
    for (; end < elements.length && list.length < MESSAGE_BYTES; end++) writeElement(list, set, elements[end]!, adding);
    const some = elements.slice(start, end);
    const shown = some.length === 1 ? `{ ${elementText(some[0]!, set)} }` : `{ ${elementText(some[0]!, set)}, … } (${some.length})`;
    const request = nftRequest(
      `${action} element ${set.family} ${set.table} ${set.set} ${shown}`,
      TYPES[action],
      set.family,
      flags,
      (writer) =>
        writer
          .attrString(NFTA_SET_ELEM_LIST_TABLE, set.table)
          .attrString(NFTA_SET_ELEM_LIST_SET, set.set)
          .nested(NFTA_SET_ELEM_LIST_ELEMENTS, (inner) => inner.raw(list.finish())),
    );
    requests.push({ request, elements: some });
    start = end;
  }
  return requests;
}

/**
 * Which element of a request the kernel points at: extended acks give the offset of its attribute from the message's start.
 * Undefined when it points at none.
 */
export function elementAtOffset({ request, elements }: ElementsRequest, set: SetSchema, offset: number): Element | undefined {
  const single = set.interval && set.key.length === 1;
  let at = 16 + NFGENMSG_LENGTH;
  const reader = new AttributeReader(request.payload, NFGENMSG_LENGTH);
  while (reader.next()) {
    if (reader.type !== NFTA_SET_ELEM_LIST_ELEMENTS) {
      at += (reader.length + 4 + 3) & ~3;
      continue;
    }
    at += 4;
    const inner = reader.nested();
    for (let index = -1; inner.next(); ) {
      if (!single || !isIntervalEnd(inner.nested())) index++;
      const size = (inner.length + 4 + 3) & ~3;
      if (offset >= at && offset < at + size) return elements[index];
      at += size;
    }
  }
  return undefined;
}

function isIntervalEnd(reader: AttributeReader): boolean {
  while (reader.next()) if (reader.type === NFTA_SET_ELEM_FLAGS) return (reader.u32be() & NFT_SET_ELEM_INTERVAL_END) !== 0;
  return false;
}

function value(reader: AttributeReader): Uint8Array | undefined {
  const inner = reader.nested();
  while (inner.next()) if (inner.type === NFTA_DATA_VALUE) return inner.bytes().slice();
  return undefined;
}

function readElement(reader: AttributeReader, set: SetSchema): RawElement | undefined {
  let key: Uint8Array | undefined;
  let keyEnd: Uint8Array | undefined;
  let data: readonly string[] | undefined;
  let end = false;
  while (reader.next()) {
    if (reader.type === NFTA_SET_ELEM_KEY) key = value(reader);
    else if (reader.type === NFTA_SET_ELEM_KEY_END) keyEnd = value(reader);
    else if (reader.type === NFTA_SET_ELEM_FLAGS) end = (reader.u32be() & NFT_SET_ELEM_INTERVAL_END) !== 0;
    else if (reader.type === NFTA_SET_ELEM_DATA && set.value === "verdict") data = decodeVerdict(reader.nested());
    else if (reader.type === NFTA_SET_ELEM_DATA && set.value)
      data = decodeFields(set.value as Exclude<typeof set.value, "verdict">, value(reader) ?? new Uint8Array());
  }
  return key && { key, end, ...(keyEnd ? { keyEnd } : {}), ...(data ? { value: data } : {}) };
}

/** The elements in the payloads of NFT_MSG_NEWSETELEM or DELSETELEM messages of one set. @throws RangeError for keys that are not the set's */
export function decodeElements(set: SetSchema, payloads: Iterable<Uint8Array>): Element[] {
  const raw: RawElement[] = [];
  for (const payload of payloads) {
    const reader = new AttributeReader(payload, NFGENMSG_LENGTH);
    while (reader.next()) {
      if (reader.type !== NFTA_SET_ELEM_LIST_ELEMENTS) continue;
      for (const list = reader.nested(); list.next(); ) {
        const element = readElement(list.nested(), set);
        if (element) raw.push(element);
      }
    }
  }
  const withValue = (element: RawElement) => (element.value ? { value: element.value } : {});
  if (!set.interval) return raw.map((element) => ({ key: decodeFields(set.key, element.key), ...withValue(element) }));
  if (set.key.length > 1)
    return raw.map((element) => ({ key: decodeBounds(set.key, element.key, element.keyEnd ?? element.key), ...withValue(element) }));
  return Array.from(joinIntervals(set, raw), ({ first, last, element }) => ({
    key: decodeBounds(set.key, first, last),
    ...withValue(element),
  }));
}

/** An interval is a start and, unless it reaches the largest key, the start of the gap after it. The kernel lists them in no useful order. */
function* joinIntervals(
  set: SetSchema,
  raw: readonly RawElement[],
): Generator<{ first: Uint8Array; last: Uint8Array; element: RawElement }> {
  const sorted = raw.toSorted((a, b) => Buffer.compare(a.key, b.key) || Number(b.end) - Number(a.end));
  for (const [index, element] of sorted.entries()) {
    if (element.end) continue;
    const next = sorted[index + 1];
    const last = next ? predecessor(next.key) : new Uint8Array(FIELDS[set.key[0]!].size).fill(255);
    yield { first: element.key, last, element };
  }
}
