import { endpoint, jsonBody, replyEmpty, replyJson } from "../endpoint.ts";
import * as query from "../query.ts";
import * as schema from "../schema.ts";
import type { NetworkJson } from "../types/network.ts";

const strings = schema.map(schema.string);

const ipamConfig = schema.struct("IPAMConfig", {
  Subnet: schema.string,
  IPRange: schema.string,
  Gateway: schema.string,
  AuxiliaryAddresses: strings,
});

export const networkCreateBody = schema.struct("network.CreateRequest", {
  Name: schema.string,
  CheckDuplicate: schema.bool,
  Driver: schema.string,
  Scope: schema.string,
  EnableIPv4: schema.bool,
  EnableIPv6: schema.bool,
  IPAM: schema.struct("IPAM", { Driver: schema.string, Options: strings, Config: schema.array(ipamConfig) }),
  Internal: schema.bool,
  Attachable: schema.bool,
  Ingress: schema.bool,
  ConfigOnly: schema.bool,
  ConfigFrom: schema.struct("ConfigReference", { Network: schema.string }),
  Options: strings,
  Labels: strings,
});

export const endpointSettings = schema.struct("EndpointSettings", {
  IPAMConfig: schema.struct("EndpointIPAMConfig", {
    IPv4Address: schema.string,
    IPv6Address: schema.string,
    LinkLocalIPs: schema.array(schema.string),
  }),
  Links: schema.array(schema.string),
  Aliases: schema.array(schema.string),
  MacAddress: schema.string,
  DriverOpts: strings,
  GwPriority: schema.int,
  NetworkID: schema.string,
  EndpointID: schema.string,
  Gateway: schema.string,
  IPAddress: schema.string,
  IPPrefixLen: schema.int,
  IPv6Gateway: schema.string,
  GlobalIPv6Address: schema.string,
  GlobalIPv6PrefixLen: schema.int,
  DNSNames: schema.array(schema.string),
});

export const networkConnectBody = schema.struct("network.ConnectRequest", { Container: schema.string, EndpointConfig: endpointSettings });
export const networkDisconnectBody = schema.struct("network.DisconnectRequest", { Container: schema.string, Force: schema.bool });

export const networkEndpoints = {
  networkList: endpoint("GET /networks", "NetworkList", { query: { filters: query.filters }, reply: replyJson<readonly NetworkJson[]>() }),
  networkInspect: endpoint("GET /networks/{id}", "NetworkInspect", {
    query: { verbose: query.strictBool, scope: query.string },
    reply: replyJson<NetworkJson>(),
  }),
  networkCreate: endpoint("POST /networks/create", "NetworkCreate", {
    body: jsonBody(networkCreateBody),
    reply: replyJson<{ Id: string; Warning: string }>(201),
  }),
  networkConnect: endpoint("POST /networks/{id}/connect", "NetworkConnect", { body: jsonBody(networkConnectBody), reply: replyEmpty(200) }),
  networkDisconnect: endpoint("POST /networks/{id}/disconnect", "NetworkDisconnect", {
    body: jsonBody(networkDisconnectBody),
    reply: replyEmpty(200),
  }),
  networkDelete: endpoint("DELETE /networks/{id}", "NetworkDelete", { reply: replyEmpty(204) }),
  networkPrune: endpoint("POST /networks/prune", "NetworkPrune", {
    since: "1.25",
    query: { filters: query.filters },
    reply: replyJson<{ NetworksDeleted: readonly string[] | null }>(),
  }),
};
