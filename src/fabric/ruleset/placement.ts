import type { SetSchema } from "#kernel/nftables";
import { SETS, type SetDeclaration, type SetField } from "../sets.ts";
import type { ElementItem, SetName } from "../types.ts";

/** Where an element is kept: a set of the kernel's and the parts of its key there. */
export interface Placed {
  readonly set: SetSchema;
  readonly key: readonly string[];
  readonly value?: readonly string[];
}

const ANY: Partial<Record<SetField, string>> = { ipv4_addr: "0.0.0.0/0", ipv6_addr: "::/0" };
const RANGEABLE: readonly SetField[] = ["ipv4_addr", "ipv6_addr", "inet_service"];
const isRange = (field: SetField, part: string): boolean => RANGEABLE.includes(field) && /[-/]/.test(part);

const schema = (declaration: SetDeclaration, set: string): SetSchema => ({
  family: declaration.table,
  table: "fairway",
  set,
  key: declaration.key,
  ...(declaration.value ? { value: declaration.value } : {}),
  ...(declaration.interval ? { interval: true } : {}),
});

/** The position of the address that `any` is about. */
const addressAt = (declaration: SetDeclaration): number => declaration.key.findIndex((field) => ANY[field] !== undefined);

/** Every set of the kernel's that holds elements of a logical set: itself, and its companions. */
export function setsOf(name: SetName): {
  readonly main: SetSchema;
  readonly any?: SetSchema;
  readonly range?: SetSchema;
  readonly mirror?: SetSchema;
  readonly keys?: SetSchema;
} {
  const declaration: SetDeclaration = SETS[name];
  const without = addressAt(declaration);
  const main = schema(declaration, name);
  const { value: _, ...valueless } = main;
  return {
    main,
    ...(declaration.any ? { any: { ...main, set: `${name}_any`, key: main.key.filter((_, at) => at !== without) } } : {}),
    ...(declaration.ranges ? { range: { ...main, set: `${name}_range`, interval: true } } : {}),
    ...(declaration.mirror ? { mirror: { ...main, family: declaration.mirror } } : {}),
    ...(declaration.keysIn ? { keys: { ...valueless, set: declaration.keysIn } } : {}),
  };
}

/** The places of a driver's element: one, or two when its set has a twin. */
export function placesOf(item: Pick<ElementItem, "set" | "key" | "value">): Placed[] {
  const declaration: SetDeclaration = SETS[item.set];
  const sets = setsOf(item.set);
  const value = item.value ? { value: item.value } : {};
  const at = addressAt(declaration);
  if (sets.any && item.key[at] === ANY[declaration.key[at]!])
    return [{ set: sets.any, key: item.key.filter((_, index) => index !== at), ...value }];
  if (sets.range && item.key.some((part, index) => isRange(declaration.key[index]!, part)))
    return [{ set: sets.range, key: item.key, ...value }];
  const places: Placed[] = [{ set: sets.main, key: item.key, ...value }];
  if (sets.mirror) places.push({ set: sets.mirror, key: item.key, ...value });
  if (sets.keys) places.push({ set: sets.keys, key: item.key });
  return places;
}

/** A driver's element again, from where it was found. A mirror's elements are their set's. */
export function itemOf(name: SetName, found: Placed): ElementItem {
  const declaration: SetDeclaration = SETS[name];
  const at = addressAt(declaration);
  const key = found.set.set === `${name}_any` ? found.key.toSpliced(at, 0, ANY[declaration.key[at]!]!) : found.key;
  return { type: "element", set: name, key, ...(found.value ? { value: found.value } : {}) };
}
