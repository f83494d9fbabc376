import type { Host, LabProcess } from "#lab";
import { until } from "../ports/stage.ts";

/** A DNS server that says `address` of every name under `test`, and prints whom it is asked by. With a link-local address it is all of eth0's. */
export async function upstream(host: Host, listen: string, address: string): Promise<LabProcess> {
  const by = listen.startsWith("fe80:") ? "--interface=eth0 --except-interface=lo" : `--listen-address=${listen}`;
  const server = host.spawn(
    `dnsmasq -k -u root -C /dev/null --no-resolv --no-hosts --bind-interfaces ${by} --address=/test/${address} --log-queries --log-facility=- --pid-file=`,
  );
  await until(async () => (await host.sh("ss -Hlun sport = :53")).includes(listen.includes(":") ? `[${listen}]` : listen));
  return server;
}

/** Names it was asked for, with the asker's address. */
export const asked = (server: LabProcess): string[] =>
  [...`${server.stdout}${server.stderr}`.matchAll(/query\[\w+\] (\S+) from (\S+)/g)].map(
    ([, name, from]) => `${name?.toLowerCase()} ${from}`,
  );
