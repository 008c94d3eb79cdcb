/**
 * Collections: how fast documents are put into one, and how long a search takes by words, by vectors and by both; beside
 * sqlite-vec's own virtual table and a loop of JavaScript over the same vectors. `--quick` is a smoke test.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { parseArgs } from "node:util";
import type { SearchDocument, SearchQuery } from "@millrace/engine";
import { SqliteSearch } from "@millrace/stores";
import { getLoadablePath } from "sqlite-vec";
import { Random } from "../test/support/random.ts";

const { values } = parseArgs({ options: { quick: { type: "boolean" }, documents: { type: "string" } } });
const SIZES = values.documents?.split(",").map(Number) ?? (values.quick ? [500] : [10_000, 100_000]);
const DIMENSIONS = values.quick ? [64] : [384, 1536];
const SEARCHES = values.quick ? 5 : 30;

const random = new Random(11);
/** Words as often as they are in a language: the n-th is 1/n as often as the first. */
const WORDS = Array.from({ length: 20_000 }, (_, index) => `word${index.toString(36)}`);
const word = () => WORDS[Math.min(WORDS.length - 1, Math.floor(WORDS.length ** random.next()))] ?? "";
const vector = (dimensions: number) => Array.from({ length: dimensions }, () => random.next() - 0.5);

const rows: string[] = [];
for (const dimensions of DIMENSIONS) {
  for (const size of SIZES) rows.push(await measure(size, dimensions));
}
console.log(
  "| documents | dimensions | put, a second | on disk | by words, p50 / p95 ms | by vector | by both | sqlite-vec's `vec0`, p50 ms | JavaScript |",
);
console.log("|---|---|---|---|---|---|---|---|---|");
for (const row of rows) console.log(row);

async function measure(size: number, dimensions: number): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-bench-search-"));
  const indexes = new SqliteSearch(folder);
  const index = indexes.inProject("default");
  try {
    let spent = 0;
    for (let from = 0; from < size; from += 200) {
      const documents = Array.from({ length: Math.min(200, size - from) }, (_, at) =>
        toDocument(from + at, dimensions),
      );
      const began = performance.now();
      await index.put("bench", { language: "english" }, documents);
      spent += performance.now() - began;
    }
    const base = { filters: [], limit: 10, offset: 0 };
    const words = () => `${word()} ${word()}`;
    const byWords = await times(() =>
      index.search("bench", query({ ...base, mode: "keyword", text: words(), vector: null })),
    );
    const byVector = await times(() =>
      index.search("bench", query({ ...base, mode: "vector", text: null, vector: vector(dimensions) })),
    );
    const byBoth = await times(() =>
      index.search("bench", query({ ...base, mode: "hybrid", text: words(), vector: vector(dimensions) })),
    );
    await indexes.close();
    const mib = statSync(join(folder, "search.db")).size / 1024 ** 2;
    const peers = await peersOf(folder, dimensions);
    return `| ${size.toLocaleString("en")} | ${dimensions} | ${Math.round(size / (spent / 1000)).toLocaleString("en")} | ${mib.toFixed(0)} MiB | ${byWords} | ${byVector} | ${byBoth} | ${peers.vec0} | ${peers.javascript} |`;
  } finally {
    await indexes.close();
    rmSync(folder, { recursive: true });
  }
}

function query(search: SearchQuery): SearchQuery {
  return search;
}

function toDocument(number: number, dimensions: number): SearchDocument {
  return {
    id: `d${number}`,
    title: `${word()} ${word()}`,
    text: Array.from({ length: 150 }, word).join(" "),
    vector: vector(dimensions),
    metadata: { number },
    executionId: "bench",
    messageId: `m${number}`,
    objectKey: null,
  };
}

/** p50 and p95 of some searches, in milliseconds. */
async function times(search: () => Promise<unknown>): Promise<string> {
  await search();
  const all: number[] = [];
  for (let count = 0; count < SEARCHES; count += 1) {
    const began = performance.now();
    await search();
    all.push(performance.now() - began);
  }
  all.sort((a, b) => a - b);
  const at = (share: number) => (all[Math.min(all.length - 1, Math.floor(all.length * share))] ?? 0).toFixed(1);
  return `${at(0.5)} / ${at(0.95)}`;
}

/** The same vectors, found by others. */
async function peersOf(folder: string, dimensions: number): Promise<{ vec0: string; javascript: string }> {
  const database = new DatabaseSync(join(folder, "search.db"), { allowExtension: true });
  try {
    database.loadExtension(getLoadablePath());
    const [{ name } = { name: "" }] = database
      .prepare("SELECT name FROM sqlite_schema WHERE name LIKE 'vectors\\_%' ESCAPE '\\'")
      .all();
    database.exec(
      `CREATE VIRTUAL TABLE peer USING vec0(key INTEGER PRIMARY KEY, vector FLOAT[${dimensions}] distance_metric=cosine)`,
    );
    database.exec(`INSERT INTO peer SELECT key, vector FROM ${name}`);
    const knn = database.prepare("SELECT key FROM peer WHERE vector MATCH ? AND k = 10");
    const all = database.prepare(`SELECT key, vector FROM ${name}`);
    const blob = () => new Uint8Array(Float32Array.from(vector(dimensions)).buffer);
    const vec0 = await times(async () => knn.all(blob()));
    const javascript = await times(async () => {
      const wanted = new Float32Array(blob().buffer);
      const found: { key: unknown; score: number }[] = [];
      for (const { key, vector: bytes } of all.iterate()) {
        if (!(bytes instanceof Uint8Array)) continue;
        const other = new Float32Array(bytes.buffer, bytes.byteOffset, dimensions);
        let score = 0;
        for (let at = 0; at < dimensions; at += 1) score += (wanted[at] ?? 0) * (other[at] ?? 0);
        found.push({ key, score });
      }
      return found.sort((a, b) => b.score - a.score).slice(0, 10);
    });
    return { vec0: vec0.split(" / ")[0] ?? "", javascript: javascript.split(" / ")[0] ?? "" };
  } finally {
    database.close();
  }
}
