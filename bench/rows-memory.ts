/**
 * Memory and speed of the adapters that read rows, on a file of 500 MB: `node bench/rows-memory.ts [megabytes]`. Each is
 * read in a process of its own, and as many rows as there are pass by.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, mkdtempSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { csvRows } from "../packages/adapters/src/csv-rows.ts";
import { jsonlRows } from "../packages/adapters/src/jsonl-rows.ts";
import { parquetRows } from "../packages/adapters/src/parquet-rows.ts";
import { stream } from "../packages/adapters/src/testing/run-adapter.ts";
import { printTable } from "./report.ts";

const ADAPTERS = { csv_rows: csvRows, jsonl_rows: jsonlRows, parquet_rows: parquetRows };
type Name = keyof typeof ADAPTERS;

const MIB = 1024 * 1024;

/** By then each has read as much as it reads at once. */
const EARLY_ROWS = 200_000;

interface Row {
  readonly id: number;
  readonly name: string;
  readonly score: number;
  readonly text: string;
}

/** Texts that are not all the same, and cost no time to make anew. */
const TEXTS = Array.from({ length: 997 }, (_, text) =>
  Array.from({ length: 40 }, (_, word) => ((text * 2654435761 + word * 40503) >>> 8).toString(36)).join(" "),
);

function rowOf(id: number): Row {
  return { id, name: `person ${id}`, score: ((id * 7919) % 1000) / 10, text: TEXTS[id % TEXTS.length] ?? "" };
}

async function write(file: string, name: Name, bytes: number): Promise<number> {
  let id = 0;
  if (name === "parquet_rows") {
    const out = openSync(file, "w");
    const writer = new ByteWriter();
    let written = 0;
    // What is written of a row group goes to the file at once.
    const drain = () => {
      const part = writer.getBytes();
      writeSync(out, part);
      written += part.byteLength;
      writer.index = 0;
    };
    const parquet = new ParquetWriter({
      writer,
      codec: "UNCOMPRESSED",
      schema: [
        { name: "root", num_children: 4 },
        { name: "id", type: "INT64", repetition_type: "REQUIRED" },
        { name: "name", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "REQUIRED" },
        { name: "score", type: "DOUBLE", repetition_type: "REQUIRED" },
        { name: "text", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "REQUIRED" },
      ],
    });
    while (written < bytes) {
      const rows = Array.from({ length: 50_000 }, () => rowOf(id++));
      await parquet.write({
        columnData: [
          { name: "id", data: rows.map((row) => BigInt(row.id)) },
          { name: "name", data: rows.map((row) => row.name) },
          { name: "score", data: rows.map((row) => row.score) },
          { name: "text", data: rows.map((row) => row.text) },
        ],
        rowGroupSize: 50_000,
      });
      drain();
    }
    await parquet.finish();
    drain();
    return id;
  }
  const out = createWriteStream(file);
  if (name === "csv_rows") out.write("id,name,score,text\n");
  for (let size = 0; size < bytes; ) {
    let part = "";
    while (part.length < MIB) {
      const row = rowOf(id++);
      part += name === "csv_rows" ? `${row.id},"${row.name}",${row.score},${row.text}\n` : `${JSON.stringify(row)}\n`;
    }
    size += part.length;
    if (!out.write(part)) await once(out, "drain");
  }
  out.end();
  await once(out, "close");
  return id;
}

/** In a process of its own: reads all rows, and tells what memory that took. */
async function read(name: Name, folder: string, path: string): Promise<void> {
  let peak = 0;
  const look = () => {
    peak = Math.max(peak, process.memoryUsage.rss());
  };
  const watch = setInterval(look, 20);
  let rows = 0;
  let early = 0;
  const began = performance.now();
  for await (const _ of stream(ADAPTERS[name], {}, { root: folder, path })) {
    rows += 1;
    if (rows % 10_000 === 0) look();
    if (rows === EARLY_ROWS) early = peak;
  }
  clearInterval(watch);
  process.send?.({ rows, peak, early, ms: performance.now() - began });
  process.disconnect?.();
}

if (process.send !== undefined) {
  const [name = "", folder = "", path = ""] = process.argv.slice(2);
  if (!(name in ADAPTERS)) throw new Error(`There is no adapter ${name} here.`);
  // It was looked for just now.
  await read(name as Name, folder, path);
} else {
  const megabytes = Number(process.argv[2] ?? 500);
  const folder = mkdtempSync(join(tmpdir(), "millrace-rows-"));
  const table: (string | number)[][] = [];
  try {
    for (const name of Object.keys(ADAPTERS)) {
      const file = join(folder, "rows");
      const rows = await write(file, name as Name, megabytes * 1e6);
      const child = fork(import.meta.filename, [name, folder, "rows"]);
      const [result] = (await once(child, "message")) as [{ rows: number; peak: number; early: number; ms: number }];
      if (result.rows !== rows) throw new Error(`${name} read ${result.rows} rows of ${rows}`);
      table.push([
        name,
        Math.round(statSync(file).size / 1e6),
        rows.toLocaleString("en"),
        Math.round(result.early / MIB),
        Math.round(result.peak / MIB),
        Math.round(rows / (result.ms / 1000)).toLocaleString("en"),
      ]);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  printTable(["", "MB", "rows", "RSS after 200,000 rows, MiB", "peak RSS, MiB", "rows/s"], table);
}
