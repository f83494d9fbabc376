import { cidrContains, cidrHas, formatCidr, invalid, parseCidr, parseIp } from "#base";
import type { Values } from "./table.ts";

/** Checks that concern more than one option, or that Docker words in its own way. @throws invalidParameter */
export function validate(values: Values): void {
  const count = (name: "max-concurrent-downloads" | "max-concurrent-uploads" | "max-download-attempts", words: string, least: number) => {
    if (values[name] < least) throw invalid(`invalid ${words}: ${values[name]}`);
  };
  if (values.mtu < 0) throw invalid(`invalid default MTU: ${values.mtu}`);
  count("max-concurrent-downloads", "max concurrent downloads", 0);
  count("max-concurrent-uploads", "max concurrent uploads", 0);
  count("max-download-attempts", "max download attempts", 1);
  if (values["shutdown-timeout"] < -1) throw invalid(`invalid shutdown timeout: ${values["shutdown-timeout"]}`);
  if (values.bridge !== "" && values.bridge !== "none") {
    if (values.bip !== "") throw invalid("You specified -b & --bip, mutually exclusive options. Please specify only one");
    if (Buffer.byteLength(values.bridge) > 15)
      throw invalid(`invalid bridge name ${JSON.stringify(values.bridge)}: an interface name has at most 15 bytes`);
  }
  if (!values.icc && !values.iptables)
    throw invalid(
      "You specified --iptables=false with --icc=false. ICC=false uses iptables to function. Please set --icc or --iptables to true",
    );
  checkBridgeAddresses(values);
  checkRuntimes(values);
  checkTls(values);
  checkMark(values["bridge-accept-fwmark"]);
  conflictingLabels(values.label);
}

function family(name: string, text: string, wanted: 4 | 6): void {
  if (text !== "" && parseIp(text.split("/")[0]!).family !== wanted) throw invalid(`invalid --${name} ${text}: want IPv${wanted}`);
}

function checkBridgeAddresses(values: Values): void {
  for (const name of ["bip", "fixed-cidr", "default-gateway"] as const) family(name, values[name], 4);
  for (const name of ["bip6", "fixed-cidr-v6", "default-gateway-v6"] as const) family(name, values[name], 6);
  if (values.bip === "") return;
  const subnet = parseCidr(values.bip);
  const [address, length] = values.bip.split("/");
  if (Number(length) < 31 && formatCidr(subnet) === `${address}/${length}`)
    throw invalid(`invalid --bip ${values.bip}: it is the address of the network itself; want one for the bridge, in it`);
  if (values["fixed-cidr"] !== "" && !cidrContains(subnet, parseCidr(values["fixed-cidr"])))
    throw invalid(`invalid --fixed-cidr ${values["fixed-cidr"]}: it is not inside --bip ${values.bip}`);
  const gateway = values["default-gateway"];
  if (gateway !== "" && !cidrHas(subnet, parseIp(gateway)))
    throw invalid(`invalid --default-gateway ${gateway}: it is not inside --bip ${values.bip}`);
}

function checkRuntimes(values: Values): void {
  const wanted = values["default-runtime"];
  const known = [...Object.keys(values["add-runtime"]), "runc", "crun", "io.containerd.runc.v2"];
  if (wanted !== "" && !known.includes(wanted)) throw invalid(`specified default runtime '${wanted}' does not exist`);
  for (const name of Object.keys(values["add-runtime"])) if (name === "runc") throw invalid("runtime name 'runc' is reserved");
}

function checkTls(values: Values): void {
  if (!values.tls && !values.tlsverify) return;
  if (values.tlscert === "" || values.tlskey === "") throw invalid("Cannot use TLS: --tlscert and --tlskey are needed");
  if (values.tlsverify && values.tlscacert === "") throw invalid("Cannot verify clients: --tlsverify needs --tlscacert");
}

function checkMark(text: string): void {
  if (text !== "" && !/^(0x[0-9a-f]{1,8}|\d{1,10})(\/(0x[0-9a-f]{1,8}|\d{1,10}))?$/i.test(text))
    throw invalid(`invalid firewall mark ${JSON.stringify(text)}: want mark or mark/mask`);
}

function conflictingLabels(labels: readonly string[]): void {
  const seen = new Map<string, string>();
  for (const label of labels) {
    const key = label.slice(0, label.indexOf("="));
    const other = seen.get(key);
    if (other !== undefined && other !== label) throw invalid(`conflict labels for ${other} and ${label}`);
    seen.set(key, label);
  }
}
