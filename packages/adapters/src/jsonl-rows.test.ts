import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Routed } from "@millrace/engine";
import { jsonlRows } from "./jsonl-rows.ts";
import { failure, run, stream } from "./testing/run-adapter.ts";
import { TempFolder } from "./testing/temp-folder.ts";

const rows = (lines: string, config = {}) => run(jsonlRows, { field: "lines", ...config }, { lines });

describe("what jsonl_rows reads", () => {
  test("a line is a message: an object as it is, anything else as its value, with the line's number", async () => {
    assert.deepEqual(await rows('{"a":[1,{"b":null}]}\r\n\n"é"\n[1]\n7'), [
      { a: [1, { b: null }], row: 1 },
      { value: "é", row: 3 },
      { value: [1], row: 4 },
      { value: 7, row: 5 },
    ]);
    assert.deepEqual(await rows(""), []);
  });

  test("from a file as well, in the encoding of its byte order mark", async () => {
    using folder = new TempFolder();
    folder.write("a.jsonl", Buffer.from('\uFEFF{"a":"é"}\n', "utf16le"));
    const payload = { root: folder.path, path: "a.jsonl" };
    assert.deepEqual(await run(jsonlRows, { keep: ["path"] }, payload), [{ path: "a.jsonl", a: "é", row: 1 }]);
    assert.equal((await failure(jsonlRows, {}, { root: folder.path, path: "none" })).code, "FILE_NOT_FOUND");
  });

  test("lines that lie across the pieces in which a file is read are whole", async () => {
    using folder = new TempFolder();
    const count = 40_000;
    folder.write("a.jsonl", Array.from({ length: count }, (_, n) => `${JSON.stringify({ n, text: "é" })}\n`).join(""));
    const found = await run(jsonlRows, {}, { root: folder.path, path: "a.jsonl" });
    assert.equal(found.length, count);
    for (const [n, row] of found.entries()) assert.deepEqual(row, { n, text: "é", row: n + 1 });
  });
});

describe("a line that cannot be read", () => {
  test("goes to the route for such, and the others are read", async () => {
    const lines = `{"a":1}\n{"a":\n{"row":1}\n"${"x".repeat(3_000_000)}"\n{"a":2}`;
    const config = { field: "lines", broken_to: "broken", max_row_length: 100 };
    const emits = await Array.fromAsync(stream(jsonlRows, config, { lines }));
    const broken = emits.flatMap((emit) => (emit instanceof Routed ? [emit.payload] : []));
    assert.deepEqual(
      broken.map(({ row, line }) => [row, line]),
      [
        [2, 2],
        [3, 3],
        [4, 4],
      ],
    );
    assert.match(String(broken[0]?.error), /^it is no JSON: /);
    assert.equal(broken[1]?.error, 'it has a field "row" itself; set number_field');
    assert.equal(broken[2]?.error, "it is longer than 100 characters (max_row_length)");
    assert.ok(String(broken[2]?.text).length <= 1000);
    assert.deepEqual(
      emits.filter((emit) => !(emit instanceof Routed)),
      [
        { a: 1, row: 1 },
        { a: 2, row: 5 },
      ],
    );
  });

  test("is counted and logged without such a route; too many fail the message", async () => {
    const lines: string[] = [];
    await run(jsonlRows, { field: "text" }, { text: "{}\n{\n" }, { lines });
    assert.match(lines.join(), /^warn: 1 row is left out, of 2; the first is row 2, line 2: it is no JSON/);
    assert.equal(
      (await failure(jsonlRows, { field: "t", max_broken: 0 }, { t: "{}\n{" })).code,
      "TOO_MANY_BROKEN_ROWS",
    );
    assert.equal((await failure(jsonlRows, { field: "t" }, { t: "no\n" })).code, "TOO_MANY_BROKEN_ROWS");
    assert.equal((await failure(jsonlRows, { field: "t" }, {})).code, "FIELD_MISSING");
  });
});
