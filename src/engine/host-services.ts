import { readFileSync } from "node:fs";
import { parseServices, type ServicePorts } from "#dns";

const SERVICES = "/etc/services";

/** The host's services(5), read when a name is asked for first; a host without the file has ports by number alone. */
export function hostServices(): ServicePorts {
  let ports: ReadonlyMap<string, number> | undefined;
  return (service, proto) => {
    ports ??= read();
    return ports.get(`${service}/${proto}`);
  };
}

function read(): ReadonlyMap<string, number> {
  try {
    return parseServices(readFileSync(SERVICES, "utf8"));
  } catch {
    return new Map();
  }
}
