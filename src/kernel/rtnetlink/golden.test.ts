import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeMessages, type NetlinkRequest, NLM_F_ACK, NLM_F_DUMP } from "#kernel/netlink";
import {
  broadcastOf,
  encodeAppendFdb,
  encodeDeleteAddress,
  encodeDeleteFdb,
  encodeDeleteLink,
  encodeDeleteNeighbour,
  encodeDeleteRoute,
  encodeDeleteRule,
  encodeDumpAddresses,
  encodeDumpFdb,
  encodeDumpNeighbours,
  encodeDumpRoutes,
  encodeDumpRules,
  encodeGetRoute,
  encodeNewAddress,
  encodeNewFdb,
  encodeNewLink,
  encodeNewNamespaceId,
  encodeNewNeighbour,
  encodeNewRoute,
  encodeNewRule,
  encodeReplaceFdb,
  encodeReplaceNeighbour,
  encodeReplaceRoute,
  encodeSetLink,
} from "./mod.ts";

/**
 * What iproute2 6.1 sends for each command, from `strace -e trace=sendmsg,sendto -e write=3,4 COMMAND` in a namespace where br-blue is link 2,
 * vx0 is 5, vetha is 70 and vethb 71. Sequence numbers are zeroed; an fd that a command opened is written as that number here.
 */
const GOLDEN: readonly (readonly [command: string, hex: string, request: NetlinkRequest])[] = [
  [
    "ip link add name br-blue address 02:42:ac:12:00:01 up type bridge mcast_snooping 0",
    "54000000100005060000000000000000000000000000000001000000010000000a0001000242ac12000100000c00030062722d626c7565001c0012000a00010062726964676500000c0002000500170000000000",
    encodeNewLink({ name: "br-blue", mac: "02:42:ac:12:00:01", up: true, info: { kind: "bridge", multicastSnooping: false } }),
  ],
  [
    "ip link add name veth1234567 mtu 1400 master br-blue up type veth peer name eth0 address 02:42:ac:12:00:02 mtu 1400 netns /run/gns/c1",
    "8c00000010000506000000000000000000000000000000000100000001000000080004007805000008000a0002000000100003007665746831323334353637004c0012000800010076657468400002003c000100000000000000000000000000000000000a0001000242ac1200020000080004007805000008001c0004000000090003006574683000000000",
    encodeNewLink({
      name: "veth1234567",
      mtu: 1400,
      master: 2,
      up: true,
      info: { kind: "veth" },
      peer: { name: "eth0", mac: "02:42:ac:12:00:02", mtu: 1400, namespace: { fd: 4 } },
    }),
  ],
  [
    "ip link add index 70 name vetha type veth peer index 71 name vethb",
    "5c000000100005060000000000000000000000004600000000000000000000000a00030076657468610000003000120008000100766574682400020020000100000000004700000000000000000000000a0003007665746862000000",
    encodeNewLink({ index: 70, name: "vetha", info: { kind: "veth" }, peer: { index: 71, name: "vethb" } }),
  ],
  [
    "ip link set dev vetha alias fairway:endpoint:x",
    "380000001000050000000000000000000000000046000000000000000000000016001400666169727761793a656e64706f696e743a780000",
    encodeSetLink({ index: 70, alias: "fairway:endpoint:x" }),
  ],
  [
    "ip link set dev vetha mtu 1300",
    "28000000100005000000000000000000000000004600000000000000000000000800040014050000",
    encodeSetLink({ index: 70, mtu: 1300 }),
  ],
  ["ip link set dev vetha up", "2000000010000500000000000000000000000000460000000100000001000000", encodeSetLink({ index: 70, up: true })],
  [
    "ip link set dev vetha promisc on",
    "2000000010000500000000000000000000000000460000000001000000010000",
    encodeSetLink({ index: 70, promiscuous: true }),
  ],
  [
    "ip link set dev vetha master br-blue",
    "280000001000050000000000000000000000000046000000000000000000000008000a0002000000",
    encodeSetLink({ index: 70, master: 2 }),
  ],
  [
    "ip link set dev vetha nomaster",
    "280000001000050000000000000000000000000046000000000000000000000008000a0000000000",
    encodeSetLink({ index: 70, master: 0 }),
  ],
  [
    "ip link set dev vetha name vethz",
    "2c000000100005000000000000000000000000004600000000000000000000000a000300766574687a000000",
    encodeSetLink({ index: 70, name: "vethz" }),
  ],
  [
    "ip link set dev vethb netns /run/gns/c1",
    "280000001000050000000000000000000000000047000000000000000000000008001c0004000000",
    encodeSetLink({ index: 71, namespace: { fd: 4 } }),
  ],
  ["ip link delete dev vethz", "2000000011000500000000000000000000000000460000000000000000000000", encodeDeleteLink({ index: 70 })],
  [
    "ip link add name mac0 link br-blue type macvlan mode bridge",
    "50000000100005060000000000000000000000000000000000000000000000000800050002000000090003006d616330000000001c0012000b0001006d6163766c616e000c0002000800010004000000",
    encodeNewLink({ name: "mac0", parent: 2, info: { kind: "macvlan", mode: "bridge" } }),
  ],
  [
    "ip link add name mac1 link br-blue type macvlan mode passthru nopromisc",
    "58000000100005060000000000000000000000000000000000000000000000000800050002000000090003006d61633100000000240012000b0001006d6163766c616e001400020008000100080000000600020001000000",
    encodeNewLink({ name: "mac1", parent: 2, info: { kind: "macvlan", mode: "passthru", noPromiscuous: true } }),
  ],
  [
    "ip link add name ipv0 link br-blue type ipvlan mode l3s private",
    "58000000100005060000000000000000000000000000000000000000000000000800050002000000090003006970763000000000240012000a0001006970766c616e00001400020006000100020000000600020001000000",
    encodeNewLink({ name: "ipv0", parent: 2, info: { kind: "ipvlan", mode: "l3s", flag: "private" } }),
  ],
  [
    "ip link add name br-blue.10 link br-blue type vlan id 10",
    "500000001000050600000000000000000000000000000000000000000000000008000500020000000f00030062722d626c75652e313000001800120008000100766c616e0c000200060001000a000000",
    encodeNewLink({ name: "br-blue.10", parent: 2, info: { kind: "vlan", id: 10 } }),
  ],
  [
    "ip link add name br-blue.11 link br-blue type vlan protocol 802.1ad id 11",
    "580000001000050600000000000000000000000000000000000000000000000008000500020000000f00030062722d626c75652e313100002000120008000100766c616e140002000600050088a80000060001000b000000",
    encodeNewLink({ name: "br-blue.11", parent: 2, info: { kind: "vlan", protocol: "802.1ad", id: 11 } }),
  ],
  [
    "ip link add name vx0 type vxlan id 4097 local 10.0.0.1 nolearning proxy l2miss l3miss dstport 4789",
    "740000001000050600000000000000000000000000000000000000000000000008000300767830004c0012000900010076786c616e0000003c00020005000b000100000005000d000100000005000e00010000000800010001100000080004000a000001050007000000000006000f0012b50000",
    encodeNewLink({
      name: "vx0",
      info: { kind: "vxlan", id: 4097, local: "10.0.0.1", learning: false, proxy: true, l2miss: true, l3miss: true, port: 4789 },
    }),
  ],
  [
    "ip link add name vx1 type vxlan id 4098 remote fd00::9 local fd00::1 dev br-blue dstport 4789",
    "840000001000050600000000000000000000000000000000000000000000000008000300767831005c0012000900010076786c616e0000004c0002000800030002000000080001000210000014001100fd00000000000000000000000000000114001000fd000000000000000000000000000009050007000100000006000f0012b50000",
    encodeNewLink({
      name: "vx1",
      info: { kind: "vxlan", id: 4098, remote: "fd00::9", local: "fd00::1", link: 2, learning: true, port: 4789 },
    }),
  ],
  [
    "ip link add name dummy0 type dummy",
    "3c000000100005060000000000000000000000000000000000000000000000000b00030064756d6d79300000100012000900010064756d6d79000000",
    encodeNewLink({ name: "dummy0", info: { kind: "dummy" } }),
  ],
  [
    "ip address add 172.18.0.1/16 broadcast 172.18.255.255 dev br-blue",
    "30000000140005060000000000000000021000000200000008000200ac12000108000400ac12ffff08000100ac120001",
    encodeNewAddress({ index: 2, address: "172.18.0.1/16", broadcast: broadcastOf("172.18.0.1/16") }),
  ],
  [
    "ip address add fd00::1/64 dev br-blue nodad",
    "400000001400050600000000000000000a4002000200000014000200fd00000000000000000000000000000114000100fd000000000000000000000000000001",
    encodeNewAddress({ index: 2, address: "fd00::1/64", noDad: true }),
  ],
  [
    "ip address add 172.18.0.1/16 broadcast 172.18.255.255 dev br-blue noprefixroute",
    "38000000140005060000000000000000021000000200000008000200ac12000108000400ac12ffff080008000002000008000100ac120001",
    encodeNewAddress({ index: 2, address: "172.18.0.1/16", broadcast: "172.18.255.255", noPrefixRoute: true }),
  ],
  [
    "ip address delete 172.18.0.1/16 dev br-blue",
    "28000000150005000000000000000000021000000200000008000200ac12000108000100ac120001",
    encodeDeleteAddress({ index: 2, address: "172.18.0.1/16" }),
  ],
  [
    "ip route add 10.1.0.0/16 dev br-blue",
    "2c00000018000506000000000000000002100000fe03fd0100000000080001000a0100000800040002000000",
    encodeNewRoute({ destination: "10.1.0.0/16", index: 2 }),
  ],
  [
    "ip route add default via 172.18.0.2 dev br-blue",
    "2c00000018000506000000000000000002000000fe0300010000000008000500ac1200020800040002000000",
    encodeNewRoute({ destination: "0.0.0.0/0", gateway: "172.18.0.2", index: 2 }),
  ],
  [
    "ip route replace 10.2.0.0/16 via 172.18.0.2 dev br-blue metric 50",
    "3c00000018000505000000000000000002100000fe03000100000000080001000a02000008000500ac12000208000600320000000800040002000000",
    encodeReplaceRoute({ destination: "10.2.0.0/16", gateway: "172.18.0.2", index: 2, metric: 50 }),
  ],
  [
    "ip route add 10.3.0.0/16 via 1.1.1.1 dev br-blue onlink",
    "3400000018000506000000000000000002100000fe03000104000000080001000a03000008000500010101010800040002000000",
    encodeNewRoute({ destination: "10.3.0.0/16", gateway: "1.1.1.1", index: 2, onlink: true }),
  ],
  [
    "ip route add 10.4.0.0/16 src 172.18.0.1 table 1000 metric 5 dev br-blue",
    "44000000180005060000000000000000021000000003fd0100000000080001000a04000008000700ac12000108000f00e803000008000600050000000800040002000000",
    encodeNewRoute({ destination: "10.4.0.0/16", source: "172.18.0.1", table: 1000, metric: 5, index: 2 }),
  ],
  [
    "ip route add blackhole 10.5.0.0/16",
    "2400000018000506000000000000000002100000fe03000600000000080001000a050000",
    encodeNewRoute({ destination: "10.5.0.0/16", type: "blackhole" }),
  ],
  [
    "ip -6 route add fd01::/64 via fd00::2 dev br-blue",
    "4c0000001800050600000000000000000a400000fe0300010000000014000100fd01000000000000000000000000000014000500fd0000000000000000000000000000020800040002000000",
    encodeNewRoute({ destination: "fd01::/64", gateway: "fd00::2", index: 2 }),
  ],
  [
    "ip route add 10.6.0.0/16 dev br-blue mtu 1300",
    "3800000018000506000000000000000002100000fe03fd0100000000080001000a06000008000400020000000c0008000800020014050000",
    encodeNewRoute({ destination: "10.6.0.0/16", index: 2, mtu: 1300 }),
  ],
  [
    "ip route delete 10.1.0.0/16 dev br-blue",
    "2c00000019000500000000000000000002100000fe00ff0000000000080001000a0100000800040002000000",
    encodeDeleteRoute({ destination: "10.1.0.0/16", index: 2 }),
  ],
  ["ip route get 10.1.0.5", "240000001a0001000000000000000000022000000000000000100000080001000a010005", encodeGetRoute("10.1.0.5")],
  [
    "ip neighbour add 172.18.0.7 lladdr 02:42:ac:12:00:07 dev br-blue",
    "300000001c000506000000000000000002000000020000008000000008000100ac1200070a0002000242ac1200070000",
    encodeNewNeighbour({ index: 2, address: "172.18.0.7", mac: "02:42:ac:12:00:07" }),
  ],
  [
    "ip neighbour replace fd00::7 lladdr 02:42:ac:12:00:07 dev br-blue",
    "3c0000001c00050500000000000000000a000000020000008000000014000100fd0000000000000000000000000000070a0002000242ac1200070000",
    encodeReplaceNeighbour({ index: 2, address: "fd00::7", mac: "02:42:ac:12:00:07" }),
  ],
  [
    "ip neighbour add proxy 172.18.0.8 dev br-blue",
    "240000001c000506000000000000000002000000020000008000080008000100ac120008",
    encodeNewNeighbour({ index: 2, address: "172.18.0.8", proxy: true }),
  ],
  [
    "ip neighbour delete 172.18.0.7 dev br-blue",
    "240000001d000500000000000000000002000000020000008000000008000100ac120007",
    encodeDeleteNeighbour({ index: 2, address: "172.18.0.7" }),
  ],
  [
    "bridge fdb append 00:00:00:00:00:00 dev vx0 dst 10.0.0.2",
    "300000001c00050c00000000000000000700000005000000c00002000a0002000000000000000000080001000a000002",
    encodeAppendFdb({ index: 5, mac: "00:00:00:00:00:00", destination: "10.0.0.2" }),
  ],
  [
    "bridge fdb add 02:42:0a:00:00:05 dev vx0 dst 10.0.0.2 vni 7 port 4790",
    "400000001c00050600000000000000000700000005000000c00002000a00020002420a0000050000080001000a0000020600060012b600000800070007000000",
    encodeNewFdb({ index: 5, mac: "02:42:0a:00:00:05", destination: "10.0.0.2", vni: 7, port: 4790 }),
  ],
  [
    "bridge fdb replace 02:42:0a:00:00:05 dev vx0 dst 10.0.0.3",
    "300000001c00050500000000000000000700000005000000c00002000a00020002420a0000050000080001000a000003",
    encodeReplaceFdb({ index: 5, mac: "02:42:0a:00:00:05", destination: "10.0.0.3" }),
  ],
  [
    "bridge fdb delete 02:42:0a:00:00:05 dev vx0",
    "280000001d00050000000000000000000700000005000000c00002000a00020002420a0000050000",
    encodeDeleteFdb({ index: 5, mac: "02:42:0a:00:00:05" }),
  ],
  [
    "bridge fdb add 02:42:0a:00:00:06 dev vetha master static vlan 7",
    "300000001c00050600000000000000000700000046000000420004000a00020002420a00000600000600050007000000",
    encodeNewFdb({ index: 70, mac: "02:42:0a:00:00:06", master: true, state: "static", vlan: 7 }),
  ],
  [
    "ip rule add priority 100 from 172.18.0.5 table 1000",
    "34000000200005060000000000000000020020000000000100000000080006006400000008000200ac12000508000f00e8030000",
    encodeNewRule({ family: 4, priority: 100, from: "172.18.0.5/32", table: 1000 }),
  ],
  [
    "ip rule add priority 101 to 10.0.0.0/8 table 100",
    "2c0000002000050600000000000000000208000064000001000000000800060065000000080001000a000000",
    encodeNewRule({ family: 4, priority: 101, to: "10.0.0.0/8", table: 100 }),
  ],
  [
    "ip -6 rule add priority 102 from fd00::/64 table 1000",
    "400000002000050600000000000000000a0040000000000100000000080006006600000014000200fd00000000000000000000000000000008000f00e8030000",
    encodeNewRule({ family: 6, priority: 102, from: "fd00::/64", table: 1000 }),
  ],
  [
    "ip rule delete priority 100 from 172.18.0.5 table 1000",
    "34000000210005000000000000000000020020000000000000000000080006006400000008000200ac12000508000f00e8030000",
    encodeDeleteRule({ family: 4, priority: 100, from: "172.18.0.5/32", table: 1000 }),
  ],
  ["ip -4 address show dev vetha", "180000001600010300000000000000000200000046000000", encodeDumpAddresses({ family: 4, index: 70 })],
  [
    "ip route show table 1000",
    "240000001a000103000000000000000002000000000000000000000008000f00e8030000",
    encodeDumpRoutes({ family: 4, table: 1000 }),
  ],
  [
    "ip neighbour show dev vetha nud all",
    "240000001e00010300000000000000000000000000000000000000000800080046000000",
    encodeDumpNeighbours({ index: 70 }),
  ],
  ["bridge fdb show dev vetha", "1c0000001e0001030000000000000000070000004600000000000000", encodeDumpFdb({ index: 70 })],
  ["ip rule show", "1c000000220001030000000000000000020000000000000000000000", encodeDumpRules(4)],
  ["ip netns set c1 7", "240000005800050000000000000000000000000008000300060000000800010007000000", encodeNewNamespaceId({ fd: 6 }, 7)],
];

/** ACK and DUMP are the socket's to add. */
function withoutTransportFlags(hex: string, isDump: boolean): string {
  const bytes = Buffer.from(hex, "hex");
  bytes.writeUInt16LE(bytes.readUInt16LE(6) & ~(NLM_F_ACK | (isDump ? NLM_F_DUMP : 0)), 6);
  return bytes.toString("hex");
}

for (const [command, hex, request] of GOLDEN) {
  test(command, () => {
    const isDump = / show/.test(command);
    assert.equal(Buffer.from(encodeMessages([request], 0)).toString("hex"), withoutTransportFlags(hex, isDump));
  });
}
