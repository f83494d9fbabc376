import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { findImports } from "./imports.ts";
import { checkFile } from "./rules.ts";
import { ROOMS, roomOf } from "./table.ts";

const messages = (path: string, source: string) => checkFile(path, source).map((violation) => violation.message);

describe("findImports()", () => {
  test("`findImports()` finds every form of import when they are spread over lines", () => {
    const source = [
      'import { a } from "#base";',
      "import type {",
      "  B,",
      '} from "#fabric";',
      'import { type C, type D } from "#engine";',
      'import { type E, f } from "#store";',
      'export * from "./x.ts";',
      'import "koffi";',
      'const late = await import("#dns");',
    ].join("\n");
    assert.deepEqual(
      findImports(source).map(({ specifier, typeOnly, line }) => [specifier, typeOnly, line]),
      [
        ["#base", false, 1],
        ["#fabric", true, 2],
        ["#engine", true, 5],
        ["#store", false, 6],
        ["./x.ts", false, 7],
        ["koffi", false, 8],
        ["#dns", false, 9],
      ],
    );
  });

  test("`findImports()` sees nothing when an import stands in a comment or a template", () => {
    assert.deepEqual(
      findImports('// import x from "#engine"\n/* import y from "#engine" */\nconst t = `\nimport z from "#engine"\n`;'),
      [],
    );
  });
});

describe("checkFile()", () => {
  test("`checkFile()` refuses a room that is not in the row when a value or a type is imported", () => {
    assert.deepEqual(messages("src/ipam/pool.ts", 'import { Store } from "#store";'), ["ipam may not import store"]);
    assert.deepEqual(messages("src/ipam/pool.ts", 'import type { Store } from "#store";'), ["ipam may not import store"]);
    assert.deepEqual(messages("src/engine/x.ts", 'import type { Store } from "#store";'), []);
  });

  test("`checkFile()` lets only types through when the table says so", () => {
    assert.deepEqual(messages("src/drivers/bridge/x.ts", 'import type { Link } from "#fabric";'), []);
    assert.equal(messages("src/drivers/bridge/x.ts", 'import { SETS } from "#fabric";').length, 1);
  });

  test("`checkFile()` refuses a way past a room's door when the path is relative", () => {
    assert.match(messages("src/engine/x.ts", 'import { a } from "../store/sqlite/db.ts";')[0] ?? "", /past its door/);
    assert.match(messages("lab/host.ts", 'import { a } from "../src/base/ip.ts";')[0] ?? "", /past its door/);
    assert.deepEqual(messages("src/store/sqlite/db.ts", 'import { a } from "../store.ts";'), []);
    assert.deepEqual(messages("src/kernel/netlink/a.ts", 'import { a } from "./b.ts";'), []);
    assert.match(messages("src/kernel/netlink/a.ts", 'import { a } from "../ffi/mod.ts";')[0] ?? "", /past its door/);
  });

  test("`checkFile()` refuses processes and native code when the room may not have them", () => {
    assert.equal(messages("src/engine/x.ts", 'import { spawn } from "node:child_process";').length, 1);
    assert.deepEqual(messages("src/containers/x.ts", 'import { spawn } from "node:child_process";'), []);
    assert.deepEqual(messages("src/engine/x.test.ts", 'import { spawn } from "node:child_process";'), []);
    assert.equal(messages("src/dns/x.ts", 'import koffi from "koffi";').length, 1);
    assert.deepEqual(messages("src/kernel/ffi/x.ts", 'import koffi from "koffi";'), []);
    assert.match(messages("src/dns/x.ts", 'import _ from "lodash";')[0] ?? "", /decision record/);
  });

  test("`checkFile()` asks for a reason when a file is longer than 400 lines", () => {
    const long = "const a = 1;\n".repeat(401);
    assert.match(messages("src/dns/x.ts", long)[0] ?? "", /401 lines/);
    assert.deepEqual(messages("src/dns/x.ts", `// Length: one table, read as one.\n${long}`), []);
  });

  test("`checkFile()` refuses syntax that Node cannot erase, and module state, when a product file has them", () => {
    assert.equal(messages("src/dns/x.ts", "export enum A { B }").length, 1);
    assert.equal(messages("src/dns/x.ts", "class A { constructor(private x: number) {} }").length, 1);
    assert.deepEqual(messages("src/dns/x.ts", "class A {\n  private constructor(x: number, y: readonly string[]) {}\n}"), []);
    assert.equal(messages("src/dns/x.ts", "class A {\n  private x = 1;\n}").length, 1);
    assert.equal(messages("src/dns/x.ts", "let counter = 0;").length, 1);
    assert.deepEqual(messages("src/dns/x.test.ts", "let counter = 0;"), []);
    assert.equal(messages("src/dns/camelCase.ts", "").length, 1);
  });
});

test("`ROOMS` has no cycle when followed through", () => {
  const visit = (room: string, way: readonly string[]): void => {
    assert.ok(!way.includes(room), [...way, room].join(" → "));
    for (const next of ROOMS[room]?.may ?? []) visit(next, [...way, room]);
  };
  for (const room of Object.keys(ROOMS)) visit(room, []);
});

test("`roomOf()` knows the kernel's rooms apart when they are nested", () => {
  assert.equal(roomOf("src/kernel/ffi/libc.ts"), "kernel/ffi");
  assert.equal(roomOf("src/drivers/bridge/plan.ts"), "drivers");
  assert.equal(roomOf("bin/fairwayd.ts"), undefined);
});
