import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Emit, Routed } from "@millrace/engine";
import { CsvReader } from "./csv-reader.ts";
import { csvRows } from "./csv-rows.ts";
import { failure, problems, run, runOne, stream } from "./testing/run-adapter.ts";
import { TempFolder } from "./testing/temp-folder.ts";

const rows = (csv: string, config = {}) => run(csvRows, { field: "csv", ...config }, { csv });

async function rowsOfFile(bytes: string | Uint8Array, config = {}, lines: string[] = []) {
  using folder = new TempFolder();
  folder.write("a.csv", bytes);
  return await run(csvRows, config, { root: folder.path, path: "a.csv" }, { lines });
}

/** Good rows as their `a`, and the others as what is wrong. */
async function sorted(csv: string, config = {}): Promise<unknown[]> {
  const emits: Emit[] = await Array.fromAsync(
    stream(csvRows, { field: "csv", broken_to: "broken", ...config }, { csv }),
  );
  return emits.map((emit) => (emit instanceof Routed ? `${emit.payload.line}: ${emit.payload.error}` : emit.a));
}

describe("what csv_rows reads", () => {
  test("a row is a message with a text per column, and its number from 1", async () => {
    assert.deepEqual(await rows("name,born\nAda,1815\nGrace,\n"), [
      { name: "Ada", born: "1815", row: 1 },
      { name: "Grace", born: "", row: 2 },
    ]);
  });

  test("values in quotes hold delimiters, doubled quotes and line ends of every system", async () => {
    const [row] = await rows('a,b,c\n"x, y","say ""hi""","1\n2\r\n3"\n');
    assert.deepEqual(row, { a: "x, y", b: 'say "hi"', c: "1\n2\r\n3", row: 1 });
    for (const end of ["\n", "\r\n", "\r"])
      assert.deepEqual(
        (await rows(`a,b${end}1,${end}2,"x"`)).map((each) => each.a),
        ["1", "2"],
        JSON.stringify(end),
      );
  });

  test("empty lines are no rows, and an empty file has none", async () => {
    assert.deepEqual(
      (await rows("a\n\n1\n\n\n2\n\n")).map(({ a, row }) => [a, row]),
      [
        ["1", 1],
        ["2", 2],
      ],
    );
    assert.deepEqual(await rows(""), []);
    assert.deepEqual(await rows("a,b\n"), []);
  });

  test("delimiter and quote are those that are set; without quotes, they are text", async () => {
    assert.deepEqual(await rows("a;b\n'1;2';3", { delimiter: ";", quote: "'" }), [{ a: "1;2", b: "3", row: 1 }]);
    assert.deepEqual(await rows('a\tb\n"1\t2"', { delimiter: "\t", quote: "" }), [{ a: '"1', b: '2"', row: 1 }]);
  });

  test("columns are named by the header, by hand, or by their number", async () => {
    assert.deepEqual(await rows("a,b\n1,2", { columns: ["x", "y"] }), [{ x: "1", y: "2", row: 1 }]);
    assert.deepEqual(await rows("1,2", { header: false, columns: ["x", "y"] }), [{ x: "1", y: "2", row: 1 }]);
    assert.deepEqual(await rows("1,2", { header: false }), [{ column_1: "1", column_2: "2", row: 1 }]);
    assert.deepEqual(await rows(",b\n1,2"), [{ column_1: "1", b: "2", row: 1 }]);
    const [proto] = await rows("__proto__,b\n1,2");
    assert.deepEqual(Object.entries(proto ?? {}), [
      ["__proto__", "1"],
      ["b", "2"],
      ["row", 1],
    ]);
  });

  test("fields of the message go along where they are wanted", async () => {
    const payload = { csv: "a\n1", path: "x", size: 3 };
    assert.deepEqual(await runOne(csvRows, { field: "csv", keep: ["path", "none"] }, payload), {
      ...{ path: "x", a: "1", row: 1 },
    });
  });
});

describe("the file of csv_rows", () => {
  test("is read in the encoding of its byte order mark, or in the one that is set", async () => {
    const text = "\uFEFFnäme\nÅsa\n";
    const wanted = [{ näme: "Åsa", row: 1 }];
    assert.deepEqual(await rowsOfFile(text), wanted);
    assert.deepEqual(await rowsOfFile(Buffer.from(text, "utf16le")), wanted);
    assert.deepEqual(await rowsOfFile(Buffer.from("näme\nÅsa\n", "latin1"), { encoding: "latin1" }), wanted);
    assert.deepEqual(problems(csvRows, { encoding: "klingon" }), ["encoding: not a known encoding"]);
  });

  test("must lie in the root and be there, as for read_file", async () => {
    using folder = new TempFolder();
    const code = async (payload: Parameters<typeof run>[2]) => (await failure(csvRows, {}, payload)).code;
    assert.equal(await code({ root: folder.path, path: "../x.csv" }), "PATH_OUTSIDE_ROOT");
    assert.equal(await code({ root: folder.path, path: "x.csv" }), "FILE_NOT_FOUND");
    assert.equal(await code({}), "PATH_MISSING");
  });

  test("is read piece by piece: rows, and characters of several bytes, that lie across pieces are whole", async () => {
    const lines = Array.from({ length: 60_000 }, (_, index) => `${index},"é,\n${index}"`);
    const found = await rowsOfFile(`a,b\r\n${lines.join("\r\n")}`);
    assert.equal(found.length, lines.length);
    for (const [index, row] of found.entries())
      assert.deepEqual(row, { a: `${index}`, b: `é,\n${index}`, row: index + 1 });
  });

  test("however it is cut into pieces, the rows are the same", () => {
    const csv = 'a,b\r\n"1\r\n""x""",2\r\n3,"4"y\r\n5,6\r\n"7,8\r\n9,10';
    const read = (size: number) => {
      const reader = new CsvReader({ delimiter: ",", quote: '"', maxRow: 1000 });
      const pieces = csv.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
      return [...pieces.flatMap((piece) => [...reader.push(piece)]), ...reader.end()];
    };
    const whole = read(csv.length);
    assert.deepEqual(
      whole.map(({ line }) => line),
      [1, 2, 4, 5, 6, 7],
    );
    for (let size = 1; size < csv.length; size += 1) assert.deepEqual(read(size), whole, `${size}`);
  });

  test("larger than max_bytes is refused before a row is sent", async () => {
    await assert.rejects(rowsOfFile("a\n1\n2\n", { max_bytes: 5 }), { code: "FILE_TOO_LARGE", retryable: false });
    assert.equal((await rowsOfFile("a\n1\n2", { max_bytes: 5 })).length, 2);
  });

  test("that never ends in memory: a row is sent before the next piece is read", async () => {
    using folder = new TempFolder();
    folder.write("a.csv", `a\n${"1\n".repeat(2_000_000)}`);
    const emits = stream(csvRows, {}, { root: folder.path, path: "a.csv" });
    const before = process.memoryUsage().arrayBuffers;
    assert.deepEqual((await emits.next()).value, { a: "1", row: 1 });
    assert.ok(process.memoryUsage().arrayBuffers - before < 2_000_000, "not the whole file");
    await emits.return(undefined);
  });
});

describe("a row that cannot be read", () => {
  test("goes to the route for such, with its number, line, text and what is wrong; the others are read", async () => {
    const emits = await Array.fromAsync(
      stream(
        csvRows,
        { field: "csv", broken_to: "broken", keep: ["path"] },
        { csv: 'a,b\n"1\n",2\n3\n5,6', path: "p" },
      ),
    );
    const [, broken] = emits;
    assert.ok(broken instanceof Routed);
    const error = "it has 1 values for 2 columns";
    assert.deepEqual([broken.route, broken.payload], ["broken", { path: "p", row: 2, line: 4, error, text: "3" }]);
    assert.deepEqual(emits[2], { path: "p", a: "5", b: "6", row: 3 });
  });

  test("that opens a quote and never closes it costs that row alone", async () => {
    assert.deepEqual(await sorted('a,b\n1,2\n3,"4\n5,6\n7,8\n'), ["1", "3: a quote is never closed", "5", "7"]);
    assert.deepEqual(await sorted('a,b\n3,"4"x\n5,"6"\n'), ['2: after a closing quote comes "x"', "5"]);
    assert.deepEqual(await sorted('a,b\n3,"4\n5,"6"\n7,8\n'), ['2: after a closing quote comes "6"', "5", "7"]);
  });

  test("is one that is too long, which is not held in memory, or holds bytes of another encoding", async () => {
    const long = "x".repeat(5_000_000);
    const wrong = "it is longer than 100 characters (max_row_length)";
    assert.deepEqual(await sorted(`a,b\n${long},1\n2,3\n`, { max_row_length: 100 }), [
      `2: ${wrong}, or a quote is not closed`,
      "2",
    ]);
    const lines: string[] = [];
    const good = await rowsOfFile(Buffer.from("a\nok\ncaf\xe9\nok\n", "latin1"), {}, lines);
    assert.deepEqual(
      good.map(({ row }) => row),
      [1, 3],
    );
    assert.deepEqual(lines, [
      "warn: 1 row is left out, of 3; the first is row 2, line 3: it holds bytes that are not of the encoding.",
    ]);
  });

  test("fails the message where it is one too many, or where no row is good", async () => {
    const csv = "a,b\n1\n2\n3,4\n";
    const { code, message } = await failure(csvRows, { field: "csv", max_broken: 1 }, { csv });
    assert.equal(code, "TOO_MANY_BROKEN_ROWS");
    assert.match(message, /^More than 1 rows .* the first is row 1, line 2: it has 1 values for 2 columns\.$/);
    assert.equal((await failure(csvRows, { field: "csv" }, { csv: "a,b\n1\n" })).code, "TOO_MANY_BROKEN_ROWS");
  });
});

describe("csv_rows refuses", () => {
  test("a header that names a column twice, has the name of number_field, or is no text", async () => {
    const message = async (csv: string, config = {}) => {
      const found = await failure(csvRows, { field: "csv", ...config }, { csv });
      assert.equal(found.code, "CSV_HEADER_INVALID");
      return found.message;
    };
    assert.match(await message("a,a\n1,2"), /two columns are named "a"\. Name them with columns/);
    assert.match(await message("row\n1"), /number_field is\. Set another/);
    assert.match(await message("PK\0\n1"), /not text in the given encoding/);
    assert.match(await message("a,b\n1,2", { columns: ["x"] }), /it has 2 columns, not 1/);
  });

  test("a message without the field, and settings that contradict each other", async () => {
    assert.equal((await failure(csvRows, { field: "csv" }, { csv: 1 })).code, "FIELD_MISSING");
    assert.equal(problems(csvRows, { delimiter: "'", quote: "'" }).length, 1);
    assert.equal(problems(csvRows, { delimiter: "" }).length, 1);
    assert.equal(problems(csvRows, { comma: ";" }).length, 1);
  });

  test("to go on after cancel", async () => {
    using folder = new TempFolder();
    folder.write("a.csv", "a\n1");
    const reading = run(csvRows, {}, { root: folder.path, path: "a.csv" }, { signal: AbortSignal.abort() });
    await assert.rejects(reading, { name: "AbortError" });
  });
});
