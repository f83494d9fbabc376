import type { RoomRule } from "../rooms/table.ts";

/** Problems of the rooms table in docs/architecture.md: it must say what scripts/rooms/table.ts proves. */
export function checkRoomsTable(markdown: string, rooms: Readonly<Record<string, RoomRule>>): string[] {
  const rows = [...markdown.matchAll(/^\| `([a-z/]+)` \| [^|]* \| ([^|]*) \|$/gm)];
  const written = new Map(rows.map(([, room = "", cell = ""]) => [room, cell.trim()]));
  const problems = [...written.keys()]
    .filter((room) => !Object.hasOwn(rooms, room))
    .map((room) => `the table has a row for "${room}", which is no room`);
  for (const [room, rule] of Object.entries(rooms)) {
    const names = [...rule.may.map((name) => `\`${name}\``), ...(rule.types ?? []).map((name) => `types of \`${name}\``)];
    const want = names.join(", ") || "—";
    if (written.get(room) !== want) problems.push(`the row of ${room} says "${written.get(room) ?? ""}" where the gate proves "${want}"`);
  }
  return problems;
}
