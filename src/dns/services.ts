/** Port of a service's name, `http` and `tcp` → 80; undefined where the name says nothing. */
export type ServicePorts = (service: string, proto: string) => number | undefined;

/**
 * Reads services(5), `http 80/tcp www`: names and aliases in any case, with or without ports and protocols that make sense. A name that is there
 * twice is what it was first, as getservbyname(3) has it.
 */
export function parseServices(text: string): ReadonlyMap<string, number> {
  const ports = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [name, target, ...aliases] = line.replace(/#.*/, "").trim().split(/\s+/);
    const [, port, proto] = /^(\d{1,5})\/(tcp|udp|sctp)$/.exec(target ?? "") ?? [];
    if (name === undefined || port === undefined || Number(port) > 65535) continue;
    for (const alias of [name, ...aliases]) {
      const key = `${alias.toLowerCase()}/${proto}`;
      if (!ports.has(key)) ports.set(key, Number(port));
    }
  }
  return ports;
}
