import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream, createWriteStream, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { Folder, millrace } from "../support/command.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const COLUMNS = ["package", "path", "kind", "bytes", "lines", "todos", "licence"] as const;

/** What the pipeline is to say of a row, as it is found without it. */
function expected({
  package: owner,
  path,
  bytes,
  text,
}: {
  package: string;
  path: string;
  bytes: number;
  text: string;
}) {
  const licence = text.includes("@license") || text.includes("SPDX-License-Identifier") ? true : null;
  const kind = path.slice(path.lastIndexOf(".") + 1);
  const [lines, todos] = [text.split("\n").length, text.split("TODO").length - 1];
  return { package: owner, path, kind, bytes, lines, todos, licence };
}

test("examples/sources makes a table of Parquet of 100 MB of JSON, with statistics of each column", {
  timeout: 600_000,
}, async () => {
  using folder = new Folder();
  const data = folder.at("sources.jsonl");
  const writer = spawn(process.execPath, [join(ROOT, "examples", "sources", "write.ts")], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(writer, "exit");
  await pipeline(writer.stdout, createWriteStream(data));
  assert.deepEqual(await ended, [0, null]);
  assert.ok(statSync(data).size >= 100 * 1024 * 1024, `${statSync(data).size} bytes`);

  const { code, stdout, stderr } = await millrace([
    ...["run", "examples/sources/sources.yaml", "--data-dir", folder.at("data")],
    ...["--set", `root=${folder.path}`],
  ]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^completed: \d+ messages done, 0 failed/m);
  assert.doesNotMatch(stderr, /left out/);

  const objects = join(folder.at("data"), "objects", "executions");
  const keep = join(objects, readdirSync(objects)[0] ?? "", "keep");
  const rows: Record<string, unknown>[] = [];
  for (const name of readdirSync(join(keep, "tables"))) {
    const file = new Uint8Array(readFileSync(join(keep, "tables", name))).buffer;
    rows.push(...(await parquetReadObjects({ file, compressors })));
  }
  const plain = (value: unknown) => (typeof value === "bigint" ? Number(value) : (value ?? null));
  let count = 0;
  const least = { bytes: Number.POSITIVE_INFINITY, lines: Number.POSITIVE_INFINITY };
  const greatest = { bytes: 0, lines: 0 };
  for await (const line of createInterface({ input: createReadStream(data), crlfDelay: Number.POSITIVE_INFINITY })) {
    const row = expected(JSON.parse(line));
    const found = rows[count];
    assert.deepEqual(Object.fromEntries(COLUMNS.map((name) => [name, plain(found?.[name])])), row);
    for (const name of ["bytes", "lines"] as const) {
      least[name] = Math.min(least[name], row[name]);
      greatest[name] = Math.max(greatest[name], row[name]);
    }
    count += 1;
  }
  assert.equal(rows.length, count, "every line is a row");

  const summaries = readdirSync(join(keep, "statistics"))
    .filter((name) => name.endsWith(".json"))
    .map((name) => JSON.parse(readFileSync(join(keep, "statistics", name), "utf8")));
  assert.equal(
    summaries.reduce((sum, { rows: written }) => sum + written, 0),
    count,
  );
  const told = (name: string): { min: number; max: number; nulls: number }[] =>
    summaries.map(({ columns }) => columns.find((column: { name: string }) => column.name === name));
  for (const name of ["bytes", "lines"] as const) {
    assert.equal(Math.min(...told(name).map(({ min }) => min)), least[name], name);
    assert.equal(Math.max(...told(name).map(({ max }) => max)), greatest[name], name);
  }
  assert.equal(
    told("licence").reduce((sum, { nulls }) => sum + nulls, 0),
    rows.filter(({ licence }) => licence === null || licence === undefined).length,
  );
});
