import assert from "node:assert/strict";
import { test } from "node:test";
import { parseIpAddr } from "./ip-output.ts";

const busybox = `1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
       valid_lft forever preferred_lft forever
6: eth0@if7: <BROADCAST,MULTICAST,UP,LOWER_UP,M-DOWN> mtu 1500 qdisc noqueue 
    link/ether 02:42:ac:11:00:02 brd ff:ff:ff:ff:ff:ff
    inet 172.17.0.2/16 brd 172.17.255.255 scope global eth0
       valid_lft forever preferred_lft forever`;

const iproute = `7: veth1a2b3c4@if6: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue master docker0 state UP group default 
    link/ether 0a:42:ac:11:00:02 brd ff:ff:ff:ff:ff:ff link-netnsid 0
    inet6 fe80::842:acff:fe11:2/64 scope link`;

test("`parseIpAddr()` reads busybox' and iproute2's form when both are given", () => {
  const inside = parseIpAddr(busybox);
  assert.deepEqual([...inside.keys()], ["lo", "eth0"]);
  const eth0 = inside.get("eth0");
  assert.deepEqual([eth0?.index, eth0?.peer, eth0?.mtu, eth0?.mac, eth0?.ipv4], [6, "if7", 1500, "02:42:ac:11:00:02", ["172.17.0.2/16"]]);
  const veth = parseIpAddr(iproute).get("veth1a2b3c4");
  assert.deepEqual([veth?.index, veth?.peer, veth?.state, veth?.ipv6], [7, "if6", "UP", ["fe80::842:acff:fe11:2/64"]]);
});
