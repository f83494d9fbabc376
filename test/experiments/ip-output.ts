/** One interface as `ip addr` or `ip link` prints it, iproute2's or busybox'. */
export interface PrintedInterface {
  readonly index: number;
  /** Without `@…`. */
  readonly name: string;
  /** What follows `@`: `if5`, or `eth0` for a sub-interface. */
  readonly peer: string | undefined;
  readonly flags: readonly string[];
  readonly mtu: number;
  readonly state: string | undefined;
  readonly mac: string | undefined;
  /** `172.17.0.2/16` */
  readonly ipv4: readonly string[];
  readonly ipv6: readonly string[];
  /** The lines as printed. */
  readonly text: string;
}

/** Reads what `ip addr` prints, by interface name. */
export function parseIpAddr(output: string): Map<string, PrintedInterface> {
  const blocks = output
    .replaceAll("\r", "")
    .split(/^(?=\d+: )/m)
    .filter((block) => /^\d+: /.test(block));
  return new Map(
    blocks.map((text) => {
      const [, index = "", name = "", peer, flags = "", mtu = ""] = /^(\d+): ([^:@]+)(?:@([^:]+))?: <([^>]*)> mtu (\d+)/.exec(text) ?? [];
      const all = (pattern: RegExp) => [...text.matchAll(pattern)].map((match) => match[1] ?? "");
      const printed: PrintedInterface = {
        index: Number(index),
        name,
        peer,
        flags: flags.split(","),
        mtu: Number(mtu),
        state: / state (\S+)/.exec(text)?.[1],
        mac: /link\/\S+ ([0-9a-f:]{17})/.exec(text)?.[1],
        ipv4: all(/inet ([\d./]+)/g),
        ipv6: all(/inet6 ([0-9a-f:./]+)/g),
        text,
      };
      return [name, printed] as const;
    }),
  );
}
