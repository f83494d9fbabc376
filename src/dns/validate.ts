import { canonicalIp, invalid, isIp } from "#base";
import { HOST_GATEWAY } from "./hosts-file.ts";
import { MAX_LABEL_LENGTH, MAX_NAME_LENGTH } from "./wire.ts";

/** Anything that would end a field or a line of resolv.conf or hosts, or start a comment there. */
const UNSAFE = /[\s\x00-\x1f\x7f#;]/;

/** A `--dns` value. @throws invalidParameter in the docker CLI's words */
export function validateDnsServer(text: string): string {
  const address = text.trim();
  if (isIp(address)) return canonicalIp(address);
  throw invalid(`IP address is not correctly formatted: ${text}`, { code: "bad-dns-server", context: { value: text } });
}

/** A `--dns-search` value; `.` stands for no search at all. @throws invalidParameter */
export function validateDnsSearch(text: string): string {
  const domain = text.trim();
  if (domain === ".") return domain;
  const labels = (domain.endsWith(".") ? domain.slice(0, -1) : domain).split(".");
  const good = labels.every((label) => label.length <= MAX_LABEL_LENGTH && /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?$/i.test(label));
  if (good && domain.length < MAX_NAME_LENGTH) return domain;
  throw invalid(`${text} is not a valid domain`, { code: "bad-dns-search", context: { value: text } });
}

/** A `--dns-option` value, one word. @throws invalidParameter */
export function validateDnsOption(text: string): string {
  if (text !== "" && !UNSAFE.test(text)) return text;
  throw invalid(`invalid DNS option: ${JSON.stringify(text)}`, { code: "bad-dns-option", context: { value: text } });
}

/** An `--add-host` value: `name:ip`, `name=ip`, IPv6 in brackets or not, `name:host-gateway`. @throws invalidParameter in Docker's words */
export function parseExtraHost(text: string): { readonly name: string; readonly address: string } {
  const equals = text.indexOf("=");
  const colon = text.indexOf(":");
  const separator = equals > 0 && (colon < 0 || equals < colon) ? equals : colon;
  const name = text.slice(0, Math.max(0, separator));
  if (separator < 1 || UNSAFE.test(name))
    throw invalid(`bad format for add-host: ${JSON.stringify(text)}`, { code: "bad-add-host", context: { value: text } });
  const given = text.slice(separator + 1);
  if (given === HOST_GATEWAY) return { name, address: HOST_GATEWAY };
  const address = /^\[.*:.*\]$/.test(given) ? given.slice(1, -1) : given;
  if (!isIp(address))
    throw invalid(`invalid IP address in add-host: ${JSON.stringify(given)}`, { code: "bad-add-host", context: { value: text } });
  return { name, address: canonicalIp(address) };
}

/** `--hostname` or `--domainname`: what a line of hosts and sethostname(2) (64 octets) can take. Empty is no name given. @throws invalidParameter */
export function validateHostname(text: string): string {
  if (text === "") return text;
  if (UNSAFE.test(text)) throw invalid(`invalid hostname: ${JSON.stringify(text)}`, { code: "bad-hostname", context: { value: text } });
  const octets = Buffer.byteLength(text);
  if (octets > 64)
    throw invalid(`invalid hostname: ${JSON.stringify(text)} has ${octets} bytes, the kernel takes 64`, {
      code: "bad-hostname",
      context: { value: text },
    });
  return text;
}
