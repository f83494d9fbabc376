import { BAD_IPAM } from "./network-operations.ts";
import type { Operation } from "./operation.ts";

const ENOUGH = 17;
const IMAGE = { Image: "busybox:latest", Cmd: ["sleep", "1000"] };

const post = (kind: string, path: string, body?: unknown, handle?: string): Operation => ({
  kind,
  method: "POST",
  path,
  ...(body === undefined ? {} : { body }),
  ...(handle === undefined ? {} : { handle }),
});

/** What chance would seldom find, or what takes dockerd long: of seventeen ids two begin alike, and it looks for a plugin for 15 s. */
export const CORNERS: readonly (readonly Operation[])[] = [
  [
    ...Array.from({ length: ENOUGH }, (_, index) =>
      post("network create", "/networks/create", { Name: `config${index}`, CheckDuplicate: true, ConfigOnly: true }, `N${index}`),
    ),
    { kind: "network inspect", method: "GET", path: "/networks/{~N}" },
    { kind: "network rm", method: "DELETE", path: "/networks/{~N}" },
    post("container create", "/containers/create?name=one", { ...IMAGE, HostConfig: { NetworkMode: "none" } }, "C90"),
    post("network connect", "/networks/{~N}/connect", { Container: "one" }),
  ],
  [
    ...Array.from({ length: ENOUGH }, (_, index) => post("container create", `/containers/create?name=many${index}`, IMAGE, `C${index}`)),
    { kind: "container inspect", method: "GET", path: "/containers/{~C}/json" },
    { kind: "container rm", method: "DELETE", path: "/containers/{~C}" },
    ...["start", "stop", "kill", "restart", "pause", "unpause", "wait", "rename?name=x"].map((verb) =>
      post(`container ${verb.split("?")[0]}`, `/containers/{~C}/${verb}`),
    ),
    post("exec create", "/containers/{~C}/exec", { Cmd: ["true"] }),
    post("network connect", "/networks/bridge/connect", { Container: "{~C}" }),
  ],
  [
    post("network create", "/networks/create", { Name: "a", CheckDuplicate: true, Driver: "nosuch" }, "N0"),
    post("network create", "/networks/create", { Name: "c", CheckDuplicate: true }, "N50"),
    post("network create", "/networks/create", { Name: "c", CheckDuplicate: true, Driver: "overlay" }, "N51"),
    post("container create", "/containers/create?name=somebody", { ...IMAGE, User: "nosuch" }, "C52"),
    post("container start", "/containers/somebody/start"),
    ...BAD_IPAM.map((IPAM, index) =>
      post("network create", "/networks/create", { Name: "b", CheckDuplicate: true, IPAM }, `N${index + 1}`),
    ),
  ],
];
