import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type AnyAdapter, defineAdapter } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import { FileObjectStore } from "@millrace/stores";
import { z } from "zod";
import { define, Rig } from "../../../test/support/engine-rig.ts";
import { csvWrite } from "./csv-write.ts";
import { jsonlWrite } from "./jsonl-write.ts";
import { failure, problems, runOne } from "./testing/run-adapter.ts";
import { TempFolder } from "./testing/temp-folder.ts";

/** Writes one object, and returns its text with the message that goes on. */
async function write(adapter: AnyAdapter, config: JsonObject, payload: JsonObject) {
  using folder = new TempFolder();
  const objects = new FileObjectStore(folder.path);
  const next = await runOne(adapter, config, payload, { objects });
  const [key = "", ...more] = await Array.fromAsync(objects.list(""));
  assert.deepEqual(more, []);
  const object = await objects.get(key);
  return { next, key, text: String(object?.body), type: object?.metadata.contentType };
}

const csv = async (config: JsonObject, ...items: unknown[]) =>
  (await write(csvWrite, { field: "items", ...config }, JSON.parse(JSON.stringify({ items })))).text;

/** Every object of a folder, by the end of its key. */
const ends = async (objects: FileObjectStore) =>
  (await Array.fromAsync(objects.list(""))).map((key) => key.split("/").at(-1));

describe("jsonl_write", () => {
  test("writes the payload as one line, and says where and how many", async () => {
    const { next, key, text, type } = await write(jsonlWrite, {}, { name: "Zoë", text: "a\nb" });
    assert.equal(key, "executions/execution-1/here/here/message-1.jsonl");
    assert.equal(text, '{"name":"Zoë","text":"a\\nb"}\n');
    assert.equal(type, "application/x-ndjson");
    assert.deepEqual(next, { name: "Zoë", text: "a\nb", object_key: key, object_rows: 1 });
  });

  test("writes the rows of a batch, whatever they are, one line each; of none an empty object", async () => {
    const { text } = await write(jsonlWrite, { field: "items" }, { items: [{ a: 1 }, 2, null, ["x"]] });
    assert.equal(text, '{"a":1}\n2\nnull\n["x"]\n');
    assert.equal((await write(jsonlWrite, { field: "items" }, { items: [] })).text, "");
  });
});

describe("csv_write", () => {
  test("has all fields of the rows as columns, in the order in which they come", async () => {
    assert.equal(await csv({}, { b: 1, a: "x" }, { a: null, c: true }), "b,a,c\n1,x,\n,,true\n");
  });

  test("has the columns that it is given, with their headers, and leaves other fields out", async () => {
    const columns = ["id", { field: "n", header: "Full name" }];
    assert.equal(await csv({ columns }, { n: "Ada", x: 1, id: 7 }, { id: 8 }), "id,Full name\n7,Ada\n8,\n");
    assert.equal(await csv({ columns, header: false }, { id: 7, n: "Ada" }), "7,Ada\n");
    assert.equal(await csv({ columns }), "id,Full name\n");
    assert.equal(await csv({ columns: ["toString"] }, {}), 'toString\n""\n');
  });

  test("quotes what needs it, or all", async () => {
    assert.equal(
      await csv({}, { a: 'x,"y"', b: "1\r2", c: [1, { d: "e" }] }),
      'a,b,c\n"x,""y""","1\r2","[1,{""d"":""e""}]"\n',
    );
    assert.equal(await csv({ quote: "all" }, { a: 1, b: "" }), '"a","b"\n"1",""\n');
    assert.equal(await csv({ columns: ["a"], header: false }, { a: "" }, { a: "x" }), '""\nx\n');
  });

  test("has the delimiter, line end and byte order mark that it is given", async () => {
    assert.equal(
      await csv({ delimiter: ";", line_end: "crlf", bom: true }, { a: "1;2", b: "3,4" }),
      '\uFEFFa;b\r\n"1;2";3,4\r\n',
    );
    assert.equal(await csv({ delimiter: "\t" }, { a: "x", b: "y\tz" }), 'a\tb\nx\t"y\tz"\n');
  });

  test("escapes what a spreadsheet would take for a formula where it is told to, and no number", async () => {
    const row = { "=h": "=1+1", b: -5, c: "-x", d: "@y", e: "a=b" };
    assert.equal(await csv({ escape_formulas: true }, row), "'=h,b,c,d,e\n'=1+1,-5,'-x,'@y,a=b\n");
    assert.equal(await csv({}, row), "=h,b,c,d,e\n=1+1,-5,-x,@y,a=b\n");
  });

  test("refuses a row that is no object, without another try", async () => {
    for (const row of [1, null, [], "x"]) {
      const { code, message } = await failure(csvWrite, { field: "items" }, { items: [{}, row] });
      assert.match(`${code}: ${message}`, /^ROW_INVALID: Row 2 is not an object/);
    }
  });

  test("refuses a delimiter that no reader could tell from the rest", () => {
    for (const delimiter of ["", '"', "\n", "\r", ";;"]) assert.equal(problems(csvWrite, { delimiter }).length, 1);
    assert.deepEqual(problems(csvWrite, { delimiter: "¦" }), []);
    assert.equal(problems(csvWrite, { columns: [] }).length, 1);
    assert.equal(problems(csvWrite, { columns: [{ field: "a", head: "b" }] }).length, 1);
  });
});

for (const adapter of [jsonlWrite, csvWrite]) {
  describe(`objects of ${adapter.type}`, () => {
    test("rows that are not there, or no list, fail without another try", async () => {
      assert.equal((await failure(adapter, { field: "items" }, {})).code, "FIELD_MISSING");
      assert.equal((await failure(adapter, { field: "toString" }, {})).code, "FIELD_MISSING");
      for (const items of [{}, "ab", null]) {
        assert.equal((await failure(adapter, { field: "items" }, { items })).code, "NOT_AN_ARRAY");
      }
    });

    test("a name that leaves its stage is refused", async () => {
      assert.equal((await failure(adapter, { name: "${n}" }, { n: "../x" })).code, "OBJECT_NAME_INVALID");
    });

    test("each payload of one message has an object of its own", async () => {
      using folder = new TempFolder();
      const objects = new FileObjectStore(folder.path);
      for (const piece of [0, 1, 2]) await runOne(adapter, {}, { piece }, { objects, piece });
      const extension = adapter.type === "jsonl_write" ? "jsonl" : "csv";
      assert.deepEqual(await ends(objects), ["", "-1", "-2"].map((end) => `message-1${end}.${extension}`).sort());
    });

    test("a message that is taken again writes its object again; another message cannot, nor another payload", async () => {
      using folder = new TempFolder();
      const objects = new FileObjectStore(folder.path);
      const config = adapter.config.parse({ name: "people" });
      const prepared = adapter.prepare?.(config);
      const of = (n: number, id: string, piece = 0) =>
        [adapter, { name: "people" }, { n }, { objects, id, piece, prepared }] as const;
      await runOne(...of(1, "a"));
      await runOne(...of(2, "a"));
      const other = await failure(...of(3, "b"));
      assert.match(`${other.code}: ${other.message}`, /^OBJECT_EXISTS: .*"people".*\$\{message_id\}/);
      assert.equal((await failure(...of(4, "a", 1))).code, "OBJECT_EXISTS");
      const [key = ""] = await Array.fromAsync(objects.list(""));
      assert.match(String((await objects.get(key))?.body), /2/);
      await runOne(adapter, { name: "people", replace: true }, { n: 5 }, { objects, id: "b" });
      assert.match(String((await objects.get(key))?.body), /5/);
    });

    test("of two messages that would write one object at the same time, one fails", async () => {
      using folder = new TempFolder();
      const objects = new FileObjectStore(folder.path);
      const prepared = adapter.prepare?.(adapter.config.parse({ name: "people" }));
      const both = await Promise.allSettled(
        ["a", "b"].map((id) => runOne(adapter, { name: "people" }, { id }, { objects, id, prepared })),
      );
      assert.deepEqual(both.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
    });
  });
}

test("a run that dies after an object was written, and before its message is settled, leaves each row there once", async () => {
  using folder = new TempFolder();
  const objects = new FileObjectStore(folder.path);
  const died = Promise.withResolvers<void>();
  let deaths = 0;
  const source: AnyAdapter = defineAdapter({
    type: "source",
    description: "Makes two pages.",
    config: z.any(),
    process: () => [{ items: [{ n: 1 }, { n: 2 }] }, { items: [{ n: 3 }] }],
  });
  const writes: AnyAdapter = {
    ...jsonlWrite,
    process: (message, context) => jsonlWrite.process?.(message, { ...context, objects }),
  };
  const dies: AnyAdapter = defineAdapter({
    type: "dies",
    description: "Stands still the first time, for the process to die there.",
    config: z.any(),
    process: ({ payload }) => {
      deaths += 1;
      if (deaths > 1) return payload;
      died.resolve();
      return new Promise(() => undefined);
    },
  });
  await using rig = new Rig();
  const id = await rig.run(
    define({
      pages: { steps: [{ adapter: source }], outbound: ["keep"] },
      keep: { steps: [{ adapter: writes, config: jsonlWrite.config.parse({ field: "items" }) }, { adapter: dies }] },
    }),
  );
  await died.promise;
  assert.equal((await ends(objects)).length, 1, "the object is there when the process dies");
  await rig.die();
  assert.ok(await rig.engine.wait(id, 60_000));
  assert.equal(await rig.status(id), "completed");
  const keep = join(folder.path, "objects", "executions", id, "keep", "keep");
  const lines = readdirSync(keep).flatMap((name) => readFileSync(join(keep, name), "utf8").trim().split("\n"));
  assert.deepEqual(lines.sort(), ['{"n":1}', '{"n":2}', '{"n":3}']);
});
