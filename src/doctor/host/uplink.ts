import type { Link, RouteSocket } from "#kernel/rtnetlink";

const MAIN_TABLE = 254;

/** The name of the link that the first default route leaves by; undefined without one. */
export function uplinkOf(socket: RouteSocket, links: readonly Link[]): string | undefined {
  const route = socket.routes({ table: MAIN_TABLE }).find(({ destination }) => destination === "0.0.0.0/0" || destination === "::/0");
  return links.find(({ index }) => index === route?.index)?.name;
}
