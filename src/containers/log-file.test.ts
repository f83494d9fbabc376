import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { after, describe, it } from "node:test";
import { parseLine, readLog } from "./log-file.ts";
import type { LogOptions } from "./types.ts";

const directory = mkdtempSync(`${tmpdir()}/fairway-log-`);
after(() => rmSync(directory, { recursive: true }));
const path = `${directory}/log`;

const line = (second: number, stream: "stdout" | "stderr", tag: "F" | "P", text: string) =>
  `2026-11-21T07:46:${String(second).padStart(2, "0")}.000000005+00:00 ${stream} ${tag} ${text}\n`;

const read = async (options: Partial<LogOptions>, follow?: Parameters<typeof readLog>[2]) => {
  let text = "";
  for await (const { stream, data } of readLog(path, { stdout: true, stderr: true, follow: false, timestamps: false, ...options }, follow))
    text += `${stream === "stderr" ? "!" : ""}${Buffer.from(data).toString()}`;
  return text;
};

describe("readLog()", () => {
  it("`parseLine()` takes conmon's line apart", () => {
    const parsed = parseLine(Buffer.from(line(1, "stderr", "P", "a b").trimEnd()))!;
    assert.deepEqual([parsed.stream, parsed.full, Buffer.from(parsed.text).toString()], ["stderr", false, "a b"]);
    assert.equal(parseLine(Buffer.from("short")), undefined);
  });

  it("`readLog()` joins pieces, and stamps a line once", async () => {
    writeFileSync(
      path,
      line(1, "stdout", "P", "one ") + line(2, "stdout", "F", "line") + line(3, "stderr", "F", "e") + line(4, "stdout", "F", ""),
    );
    assert.equal(await read({}), "one line\n!e\n\n");
    assert.equal(
      await read({ timestamps: true }),
      "2026-11-21T07:46:01.000000005Z one line\n!2026-11-21T07:46:03.000000005Z e\n2026-11-21T07:46:04.000000005Z \n",
    );
    const base = Date.parse("2026-11-21T07:46:00Z") / 1000;
    assert.equal(await read({ since: base + 3 }), "!e\n\n");
    assert.equal(await read({ until: base + 2.5 }), "one line\n");
    assert.equal(await read({ stdout: false }), "!e\n");
  });

  it("`readLog()` tails any log by any count as counting from the front does", async () => {
    for (let round = 0; round < 25; round++) {
      let file = "";
      const logical: string[] = [""];
      const lines = Math.floor(Math.random() * 40);
      for (let index = 0; index < lines; index++) {
        const text = "x".repeat(Math.random() < 0.2 ? Math.floor(Math.random() * 70_000) : Math.floor(Math.random() * 60));
        const full = Math.random() < 0.7;
        file += line(1, "stdout", full ? "F" : "P", text);
        logical[logical.length - 1] += text + (full ? "\n" : "");
        if (full) logical.push("");
      }
      if (!file.endsWith("\n") || logical.at(-1) === "") {
        // Pieces of no text at the end are a line of their own, with nothing in it.
        if (!/ P \n$/.test(file)) logical.pop();
      }
      writeFileSync(path, file);
      for (const tail of [0, 1, 2, 5, 100])
        assert.equal(await read({ tail }), tail === 0 ? "" : logical.slice(-tail).join(""), `tail ${tail} of ${lines}`);
    }
  });

  it("`readLog()` follows what is appended until told it is over", async () => {
    writeFileSync(path, line(1, "stdout", "F", "a"));
    let over = false;
    let tell = () => {};
    const onEnd = (listener: () => void) => {
      tell = listener;
      return () => {};
    };
    const output = read({ follow: true, tail: 0 }, { ended: () => over, onEnd });
    await new Promise((resolve) => setTimeout(resolve, 30));
    appendFileSync(path, line(2, "stdout", "F", "b").slice(0, 20));
    appendFileSync(path, line(2, "stdout", "F", "b").slice(20));
    await new Promise((resolve) => setTimeout(resolve, 30));
    over = true;
    tell();
    assert.equal(await output, "b\n");
  });

  it("`readLog()` follows into the file that conmon begins anew at max-size", async () => {
    writeFileSync(path, line(1, "stdout", "F", "a"));
    let over = false;
    const seen: string[] = [];
    const follow = { ended: () => over, onEnd: () => () => {} };
    for await (const { data } of readLog(path, { stdout: true, stderr: true, follow: true, timestamps: false }, follow)) {
      seen.push(Buffer.from(data).toString());
      if (seen.length === 3) over = true;
      if (seen.length > 1) continue;
      appendFileSync(path, line(2, "stdout", "F", "last of the old"));
      writeFileSync(`${path}.tmp`, line(3, "stdout", "F", "first of the new"));
      renameSync(`${path}.tmp`, path);
    }
    assert.deepEqual(seen, ["a\n", "last of the old\n", "first of the new\n"]);
  });

  it("`readLog()` gives nothing when there is no log", async () => {
    rmSync(path);
    assert.equal(await read({}), "");
  });
});
