import type { AnswerWriter } from "./answer.ts";
import { type NameKey, writeKey } from "./name.ts";
import type { ServicePorts } from "./services.ts";
import { MAX_NAME_LENGTH, RecordType } from "./wire.ts";
import type { NameEntry, NetworkTable, ZoneRecord } from "./zones.ts";

/** `name.network.` for the first name DNS can carry; nothing when there is none. */
export function answerPtr(writer: AnswerWriter, record: ZoneRecord, table: NetworkTable): void {
  const name = qualified(record, table);
  if (name) writer.record(RecordType.PTR, name);
}

function qualified(record: ZoneRecord, table: NetworkTable): Uint8Array | undefined {
  const first = record.keys[0];
  if (first === undefined) return undefined;
  const key = first + (table.key ?? "");
  if (key.length + 1 > MAX_NAME_LENGTH) return undefined;
  const wire = new Uint8Array(key.length + 1);
  writeKey(key, wire, 0);
  return wire;
}

/** A question of RFC 2782's form, `_service._proto.rest`; the service may be a port's number. */
export interface ServiceQuestion {
  readonly service: string;
  readonly proto: string;
  readonly rest: NameKey;
}

export function parseServiceKey(key: NameKey): ServiceQuestion | undefined {
  if (key.length < 2 || key[1] !== "_") return undefined;
  const second = 1 + key.charCodeAt(0);
  if (second + 1 >= key.length || key[second + 1] !== "_") return undefined;
  const third = second + 1 + key.charCodeAt(second);
  if (third >= key.length) return undefined;
  return { service: key.slice(2, second), proto: key.slice(second + 2, third), rest: key.slice(third) };
}

/** The port a question is about; -1 when its service is unknown here. */
export function askedPort({ service, proto }: ServiceQuestion, servicePorts: ServicePorts): number {
  return /^\d{1,5}$/.test(service) ? Number(service) : (servicePorts(service, proto) ?? -1);
}

/** Every endpoint of the name that offers the port, with its addresses beside; no record when none does. */
export function answerService(writer: AnswerWriter, proto: string, port: number, entry: NameEntry, table: NetworkTable | undefined): void {
  const offering: { readonly owner: ZoneRecord; readonly target: Uint8Array }[] = [];
  for (const owner of entry.owners) {
    const target = table && qualified(owner, table);
    if (target && owner.services.some((ports) => ports.proto === proto && port >= ports.from && port <= ports.to))
      offering.push({ owner, target });
  }
  for (const { target } of offering) {
    const data = new Uint8Array(6 + target.length);
    // Priority and weight 0: all alike.
    data[4] = port >> 8;
    data[5] = port;
    data.set(target, 6);
    if (!writer.record(RecordType.SRV, data)) return;
  }
  for (const { owner, target } of offering) {
    if (owner.ip4 >= 0) writer.additional(target, RecordType.A, octets(owner.ip4));
    if (owner.ip6) writer.additional(target, RecordType.AAAA, owner.ip6);
  }
}

const octets = (value: number): Uint8Array => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
