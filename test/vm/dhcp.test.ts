import assert from "node:assert/strict";
import { test } from "node:test";
import { VmLab } from "#lab";
import { vmStage } from "./engine.ts";

const skip = { skip: VmLab.missing() ?? false };
const LOG = "/run/dnsmasq.log";
const LEASES = "/run/dnsmasq.leases";
const SERVER = `dnsmasq --conf-file=/dev/null --port=0 --interface=eth0 --bind-interfaces --no-ping --user=root --pid-file=/run/dnsmasq.pid --dhcp-authoritative
  --dhcp-range=192.168.56.100,192.168.56.110,2m --dhcp-range=fd56::100,fd56::1ff,64,2m --enable-ra --dhcp-leasefile=${LEASES} --log-dhcp --log-facility=${LOG}`;

test("`--ipam-driver fairway-dhcp` on ipvlan: containers of one MAC have leases of their own, renewed and given back", skip, async () => {
  const { h1, h2 } = await vmStage();
  await h2.sh(`rm -f ${LOG} ${LEASES}; ${SERVER.replaceAll("\n", " ")}`);
  const show = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.GlobalIPv6Address}}{{end}}";
  const [, , , one, two] = await h1.docker(
    "network create -d ipvlan --ipv6 --ipam-driver fairway-dhcp -o parent=eth0 leased",
    "run -itd --name l1 --network leased busybox",
    "run -itd --name l2 --network leased busybox",
    `inspect -f '${show}' l1`,
    `inspect -f '${show}' l2`,
  );
  const addresses = [one, two].flatMap((text) => text.split(" "));
  assert.equal(new Set(addresses).size, 4, addresses.join(" "));
  for (const address of addresses) assert.match(address, /^(192\.168\.56\.1(0\d|10)|fd56::1[0-9a-f]{2})$/);
  for (const address of addresses) assert.match(await h2.sh(`ping -c 1 -W 5 ${address}`), /1 received/);
  const leases = await h2.sh(`cat ${LEASES}`);
  for (const [index, address] of addresses.entries()) assert.match(leases, new RegExp(` ${address} l${index < 2 ? 1 : 2} `));

  const [first4 = "", first6 = ""] = addresses;
  await h2.sh(`until grep -q "DHCPACK(eth0) ${first4}.* l1" ${LOG} && grep -q DHCPRENEW ${LOG} && grep -A3 DHCPRENEW ${LOG} | grep -q "DHCPREPLY(eth0) fd56::1"
    do sleep 1; done`);
  assert.match(await h2.sh(`ping -c 1 -W 5 ${first6}`), /1 received/);
  await h1.docker("rm -f l1 l2", "network rm leased");
  await h2.sh(`while grep -q "fd56::1\\|192.168.56.1" ${LEASES}; do sleep 0.2; done; kill $(cat /run/dnsmasq.pid)`);
});
