import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { JsonObject } from "@millrace/protocol";
import { FileObjectStore } from "@millrace/stores";
import { parquetMetadata } from "hyparquet";
import { ByteWriter, ParquetWriter, parquetWrite as writeFile } from "hyparquet-writer";
import { parquetRows } from "./parquet-rows.ts";
import { parquetWrite } from "./parquet-write.ts";
import { failure, problems, run, runOne, stream } from "./testing/run-adapter.ts";
import { TempFolder } from "./testing/temp-folder.ts";

const PEOPLE = [
  { id: 1, name: "Zoë", score: 1.5, active: true, tags: ["a"], since: "2024-01-31T12:00:00.250Z" },
  { id: 2, name: null, score: 2, active: false, tags: { b: 1 }, since: "2024-02-29T00:00:00.000Z" },
];
const TYPES = { id: "integer", name: "text", score: "real", active: "boolean", tags: "json", since: "timestamp" };

/** Writes rows, and reads them back with another config. */
async function roundTrip(rows: unknown[], write: JsonObject = {}, read: JsonObject = {}) {
  using folder = new TempFolder();
  const objects = new FileObjectStore(folder.path);
  const payload = JSON.parse(JSON.stringify({ items: rows }));
  const written = await runOne(parquetWrite, { field: "items", ...write }, payload, { objects });
  const found = await run(parquetRows, { object_field: "object_key", ...read }, written, { objects });
  const bytes = (await objects.get(String(written.object_key)))?.body ?? Buffer.alloc(0);
  return { written, rows: found, metadata: parquetMetadata(new Uint8Array(bytes).buffer) };
}

/** The rows of a file that the test makes by itself. */
async function rowsOfFile(bytes: ArrayBuffer, config: JsonObject = {}) {
  using folder = new TempFolder();
  folder.write("a.parquet", new Uint8Array(bytes));
  return await run(parquetRows, config, { root: folder.path, path: "a.parquet" });
}

function fileOf(options: Omit<Parameters<typeof writeFile>[0], "writer">): ArrayBuffer {
  const writer = new ByteWriter();
  writeFile({ writer, ...options });
  return writer.getBuffer();
}

describe("rows that are written to Parquet", () => {
  test("are read back as they were, with every codec", async () => {
    for (const codec of ["snappy", "gzip", "zstd", "brotli", "none"]) {
      const { rows } = await roundTrip(PEOPLE, { columns: TYPES, codec });
      assert.deepEqual(
        rows,
        PEOPLE.map((person, index) => ({ ...person, row: index + 1 })),
        codec,
      );
    }
  });

  test("have statistics of each column in the file, and in the message", async () => {
    const { written, metadata } = await roundTrip(PEOPLE, { columns: TYPES });
    const [group] = metadata.row_groups;
    const statistics = (name: string) =>
      group?.columns.find((column) => column.meta_data?.path_in_schema[0] === name)?.meta_data?.statistics;
    assert.equal(statistics("id")?.min_value, 1n);
    assert.equal(statistics("id")?.max_value, 2n);
    assert.equal(statistics("name")?.null_count, 1n);
    assert.deepEqual(written.object_rows, 2);
    assert.deepEqual(Object(written.object_columns)[2], { name: "score", type: "real", nulls: 0, min: 1.5, max: 2 });
    assert.deepEqual(Object(written.object_columns)[5].max, "2024-02-29T00:00:00.000Z");
  });

  test("show their types by themselves: a field that some rows lack is null there", async () => {
    const { rows, written } = await roundTrip([{ a: 1, b: "x" }, { a: 1.5, c: [1, 2] }, { a: null }]);
    assert.deepEqual(
      Object(written.object_columns).map(({ name, type }: JsonObject) => `${name}: ${type}`),
      ["a: real", "b: text", "c: json"],
    );
    assert.deepEqual(rows[1], { a: 1.5, b: null, c: [1, 2], row: 2 });
  });

  test("keep whole numbers of 64 bits, which come back as text where JSON has no such number", async () => {
    const { rows } = await roundTrip([{ n: "9223372036854775807" }, { n: 7 }], { columns: { n: "integer" } });
    assert.deepEqual(
      rows.map(({ n }) => n),
      ["9223372036854775807", 7],
    );
  });

  test("are cut into row groups, of which those that are not asked for are left", async () => {
    const items = Array.from({ length: 1200 }, (_, index) => ({ index, text: `row ${index}` }));
    const { rows, metadata } = await roundTrip(
      items,
      { row_group_rows: 500 },
      { skip_rows: 998, max_rows: 3, columns: ["index"] },
    );
    assert.equal(metadata.row_groups.length, 3);
    assert.deepEqual(rows, [
      { index: 998, row: 999 },
      { index: 999, row: 1000 },
      { index: 1000, row: 1001 },
    ]);
  });
});

describe("parquet_rows", () => {
  test("reads decimals, dates and times to their last digit", async () => {
    const bytes = fileOf({
      columnData: [
        { name: "price", data: [123n, -5n] },
        { name: "large", data: [12345678901234567890n, null] },
        { name: "day", data: [new Date("2024-02-29"), new Date("1969-12-31")] },
        { name: "at", data: [1700000000123456n, -1n] },
      ],
      schema: [
        { name: "root", num_children: 4 },
        { name: "price", type: "INT32", converted_type: "DECIMAL", scale: 2, precision: 9 },
        {
          name: "large",
          type: "FIXED_LEN_BYTE_ARRAY",
          type_length: 16,
          converted_type: "DECIMAL",
          scale: 3,
          precision: 38,
          repetition_type: "OPTIONAL",
        },
        { name: "day", type: "INT32", converted_type: "DATE" },
        { name: "at", type: "INT64", logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MICROS" } },
      ],
    });
    assert.deepEqual(await rowsOfFile(bytes), [
      { price: 1.23, large: "12345678901234567.890", day: "2024-02-29", at: "2023-11-14T22:13:20.123456Z", row: 1 },
      { price: -0.05, large: null, day: "1969-12-31", at: "1969-12-31T23:59:59.999999Z", row: 2 },
    ]);
  });

  test("reads bytes as base64, or as text where it is told to", async () => {
    const bytes = fileOf({ columnData: [{ name: "raw", data: [new Uint8Array([0x68, 0x69])], type: "BYTE_ARRAY" }] });
    assert.deepEqual(await rowsOfFile(bytes), [{ raw: "aGk=", row: 1 }]);
    assert.deepEqual(await rowsOfFile(bytes, { binary: "text" }), [{ raw: "hi", row: 1 }]);
  });

  test("gives rows the fields of the message that are to be kept", async () => {
    using folder = new TempFolder();
    folder.write("a.parquet", new Uint8Array(fileOf({ columnData: [{ name: "a", data: [1], type: "INT32" }] })));
    const payload = { root: folder.path, path: "a.parquet", year: 2024 };
    assert.deepEqual(await run(parquetRows, { keep: ["year"] }, payload), [{ year: 2024, a: 1, row: 1 }]);
  });

  test("stops when nobody wants more", async () => {
    using folder = new TempFolder();
    const data = Array.from({ length: 20_000 }, (_, index) => index);
    folder.write("a.parquet", new Uint8Array(fileOf({ columnData: [{ name: "a", data, type: "INT32" }] })));
    for await (const row of stream(parquetRows, {}, { root: folder.path, path: "a.parquet" })) {
      assert.deepEqual(row, { a: 0, row: 1 });
      break;
    }
  });
});

describe("parquet_rows and parquet_write refuse", () => {
  const read = async (bytes: Uint8Array, config: JsonObject = {}) => {
    using folder = new TempFolder();
    folder.write("a.parquet", bytes);
    return await failure(parquetRows, config, { root: folder.path, path: "a.parquet" });
  };
  const good = () => new Uint8Array(fileOf({ columnData: [{ name: "a", data: [1, 2, 3], type: "INT32" }] }));

  test("what is no Parquet file, is cut off or damaged", async () => {
    assert.match((await read(Buffer.from("a,b\n1,2\n3,4\n"))).message, /it is none, or cut off/);
    assert.equal((await read(good().subarray(0, 40))).code, "PARQUET_INVALID");
    const damaged = good();
    damaged.fill(0xff, 4, 20);
    assert.equal((await read(damaged)).code, "PARQUET_INVALID");
    const lies = good();
    new DataView(lies.buffer).setUint32(lies.length - 8, 2 ** 31, true);
    assert.equal((await read(lies)).code, "PARQUET_INVALID");
  });

  test("a file that says it has more rows than it has, before any of them is sent", async () => {
    const writer = new ByteWriter();
    const parquet = new ParquetWriter({
      writer,
      schema: [
        { name: "root", num_children: 1 },
        { name: "a", type: "INT32", repetition_type: "REQUIRED" },
      ],
    });
    await parquet.write({ columnData: [{ name: "a", data: [1, 2, 3] }], rowGroupSize: 3 });
    for (const group of parquet.row_groups) group.num_rows = 10n ** 12n;
    await parquet.finish();
    const { code, message } = await read(new Uint8Array(writer.getBuffer()));
    assert.equal(code, "PARQUET_INVALID");
    assert.match(message, /column "a" of row group 1 has 3 values for 1000000000000 rows/);
  });

  test("a column that is not there, or that has the name of number_field", async () => {
    const { code, message } = await read(good(), { columns: ["b"] });
    assert.equal(code, "PARQUET_COLUMN_MISSING");
    assert.match(message, /it has a\./);
    assert.equal((await read(good(), { number_field: "a" })).code, "PARQUET_COLUMN_TAKEN");
  });

  test("files and row groups that are larger than they may be", async () => {
    assert.equal((await read(good(), { max_bytes: 10 })).code, "FILE_TOO_LARGE");
    const data = Array.from({ length: 10_000 }, () => "the same text");
    const large = new Uint8Array(fileOf({ columnData: [{ name: "a", data, type: "STRING", encoding: "PLAIN" }] }));
    assert.equal((await read(large, { max_row_group_bytes: 1024 })).code, "PARQUET_ROW_GROUP_TOO_LARGE");
  });

  test("a column of mixed values, and a value that is none of its type", async () => {
    const write = async (config: JsonObject, ...items: JsonObject[]) =>
      failure(parquetWrite, { field: "items", ...config }, { items });
    const { code, message } = await write({}, { a: 1 }, { a: "x" });
    assert.equal(code, "PARQUET_TYPE_UNCLEAR");
    assert.match(message, /"a" is integer in row 1 and text in row 2/);
    assert.equal((await write({ columns: { a: "date" } }, { a: "2024-13-01" })).code, "VALUE_INVALID");
    assert.equal((await write({}, {})).code, "PARQUET_TYPE_UNCLEAR");
    assert.equal(problems(parquetWrite, { columns: {} }).length, 1);
  });
});
