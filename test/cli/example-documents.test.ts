import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parquetMetadata, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { Folder, millrace } from "../support/command.ts";
import { serviceOn } from "../support/service-on.ts";

/** Runs an example, and returns the folder of its objects. */
async function runExample(folder: Folder, name: string): Promise<string> {
  const { code, stdout, stderr } = await millrace(["run", `examples/${name}.yaml`, "--data-dir", folder.at("data")]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^completed: \d+ messages done, 0 failed/m);
  const objects = join(folder.at("data"), "objects", "executions");
  const [execution = ""] = readdirSync(objects);
  return join(objects, execution);
}

test("examples/documents.yaml makes sections of PDFs and of a document of Word", { timeout: 300_000 }, async () => {
  using folder = new Folder();
  const stored = join(await runExample(folder, "documents"), "store", "sections");
  const sections = readdirSync(stored, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".json"))
    .sort()
    .map((name) => ({ name, ...JSON.parse(readFileSync(join(stored, name), "utf8")) }));
  assert.deepEqual(
    [...new Set(sections.map(({ name }) => String(name).split("/")[0]))],
    ["knots.pdf", "moorings.docx", "tides.pdf"],
  );
  const textOf = (document: string) =>
    sections.flatMap(({ name, text }) => (String(name).startsWith(document) ? [String(text)] : [])).join("\n");
  assert.match(
    textOf("knots.pdf"),
    /Three knots that hold[\s\S]*1\. The bowline makes a loop[\s\S]*takes an\s+evening\./,
  );
  assert.match(textOf("tides.pdf"), /2\s+06:58\s+4\.4 m/);
  assert.match(textOf("moorings.docx"), /^## How long\n\n- Bow and stern lines/m);
  assert.match(textOf("moorings.docx"), /> Nobody regrets the second line\./);
  assert.deepEqual(sections.find(({ name }) => name === "moorings.docx/1.json")?.heading_path, [
    "Moorings",
    "How long",
  ]);
  for (const { tokens } of sections) assert.ok(tokens <= 128);

  await using service = await serviceOn(folder.at("data"));
  const { search } = service.client;
  assert.equal((await search.collection("documents")).documents, sections.length, "each section is a document");
  for (const [words, document] of [
    ["a knot that makes a loop", "knots.pdf"],
    ["high water 06:58", "tides.pdf"],
    ["how long lines must be", "moorings.docx"],
  ] as const) {
    const { results } = await search.find({ collection: "documents", q: words, limit: 1 });
    assert.equal(results[0]?.metadata.path, document, words);
  }
  const paged = await search.find({ collection: "documents", q: "water", filter: ["path:tides.pdf"] });
  assert.ok(paged.total > 0 && paged.results.every(({ metadata }) => Number(metadata.page) >= 1));
});

test("examples/packages.yaml makes a table of Parquet of what is installed, with statistics", {
  timeout: 300_000,
}, async () => {
  using folder = new Folder();
  const keep = join(await runExample(folder, "packages"), "keep");
  const files = readdirSync(join(keep, "tables")).filter((name) => name.endsWith(".parquet"));
  const summaries = readdirSync(join(keep, "statistics"))
    .filter((name) => name.endsWith(".json"))
    .map((name) => JSON.parse(readFileSync(join(keep, "statistics", name), "utf8")));
  assert.ok(files.length > 0 && files.length === summaries.length);
  const rows: Record<string, unknown>[] = [];
  for (const name of files) {
    const file = new Uint8Array(readFileSync(join(keep, "tables", name))).buffer;
    const metadata = parquetMetadata(file);
    for (const group of metadata.row_groups) {
      for (const column of group.columns) {
        const { statistics, path_in_schema: path } = column.meta_data ?? {};
        assert.equal(typeof statistics?.null_count, "bigint", String(path));
      }
    }
    rows.push(...(await parquetReadObjects({ file, compressors })));
  }
  const zod = rows.find(({ name }) => name === "zod");
  const own = JSON.parse(readFileSync("node_modules/zod/package.json", "utf8"));
  assert.deepEqual([zod?.version, zod?.license, zod?.dependencies], [own.version, "MIT", 0n]);
  assert.equal(
    summaries.reduce((sum, { rows: count }) => sum + count, 0),
    rows.length,
  );
  const bytes = rows.map((row) => Number(row.bytes));
  const told = summaries.map(({ columns }) => columns.find(({ name }: { name: string }) => name === "bytes"));
  assert.equal(Math.min(...told.map(({ min }) => min)), Math.min(...bytes));
  assert.equal(Math.max(...told.map(({ max }) => max)), Math.max(...bytes));
});
