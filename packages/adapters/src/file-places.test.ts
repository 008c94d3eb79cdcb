import assert from "node:assert/strict";
import { existsSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { makeBuiltinAdapters } from "./builtin.ts";
import { adapterEnvironment, NO_GRANTS } from "./environment.ts";
import { failure, run, runOne } from "./testing/run-adapter.ts";
import { TempFolder } from "./testing/temp-folder.ts";

const SQL = { connection: undefined, sql: "SELECT 1 AS one" };

test("where others than who runs the service write pipelines, they reach the files that are granted, by no root, link or name any other", async () => {
  using folder = new TempFolder();
  const [granted, own, outside] = ["granted", "granted/data", "outside"].map((name) => folder.folder(name));
  assert.ok(granted !== undefined && own !== undefined && outside !== undefined);
  for (const place of [granted, own, outside]) {
    for (const name of ["a.txt", "a.csv", "a.jsonl", "a.parquet", "a.docx", "a.pdf"])
      folder.write(`${place.slice(folder.path.length + 1)}/${name}`, '{"canary":1}\n');
  }
  symlinkSync(outside, join(granted, "link"));
  symlinkSync(join(outside, "a.txt"), join(granted, "link.txt"));
  const files = { folders: [granted], except: [own] };
  const adapters = makeBuiltinAdapters(adapterEnvironment({ ...NO_GRANTS, files }));
  const by = (type: string) => {
    const found = adapters.find((each) => each.type === type);
    assert.ok(found !== undefined, type);
    return found;
  };
  assert.match(String((await runOne(by("read_file"), {}, { root: granted, path: "a.txt" })).text), /canary/);
  assert.equal((await run(by("jsonl_rows"), {}, { root: granted, path: "a.jsonl" })).length, 1);

  const readers = {
    read_file: "txt",
    csv_rows: "csv",
    jsonl_rows: "jsonl",
    parquet_rows: "parquet",
    docx_to_markdown: "docx",
    pdf_to_text: "pdf",
  };
  for (const [type, ending] of Object.entries(readers)) {
    const wrong: readonly (readonly [string, string])[] = [
      [outside, `a.${ending}`],
      [own, `a.${ending}`],
      [granted, `data/a.${ending}`],
      ["/", join(outside, `a.${ending}`).slice(1)],
      [outside, `none.${ending}`],
      ["/etc", "passwd"],
    ];
    for (const [root, path] of wrong) {
      const { code, message } = await failure(by(type), {}, { root, path });
      assert.equal(code, "PATH_OUTSIDE_ROOT", `${type} ${root} ${path}: ${message}`);
      assert.match(message, /file_roots/);
    }
  }
  for (const path of ["link.txt", "link/a.txt"])
    assert.equal((await failure(by("read_file"), {}, { root: granted, path })).code, "PATH_OUTSIDE_ROOT", path);

  const found = await run(by("files"), { root: granted, glob: "**/*.txt", follow_links: true }, {});
  assert.deepEqual(
    found.map(({ path }) => path),
    ["a.txt"],
    "what is the service's own is not even listed",
  );
  for (const root of [outside, own, "/", join(outside, "none")])
    assert.equal((await failure(by("files"), { root }, {})).code, "ROOT_NOT_FOUND", root);
});

test("databases of the service's own folder are neither read nor written, nor made there", async () => {
  using folder = new TempFolder();
  const before = process.cwd();
  process.chdir(folder.path);
  try {
    const data = folder.folder("data");
    new DatabaseSync(join(data, "kept.db")).close();
    const files = { folders: [folder.path], except: [data] };
    const adapters = makeBuiltinAdapters(adapterEnvironment({ ...NO_GRANTS, files }));
    const [query, upsert] = ["sql_query", "sql_upsert"].map((type) => adapters.find((each) => each.type === type));
    assert.ok(query !== undefined && upsert !== undefined);
    const reading = await failure(query, { ...SQL, file: "data/kept.db" }, {});
    assert.deepEqual([reading.code, /file_roots/.test(reading.message)], ["PATH_OUTSIDE_ROOT", true]);
    const config = { file: "data/new.db", table: "t", key: ["id"], columns: { id: "integer" }, create_table: true };
    assert.equal((await failure(upsert, config, { id: 1 })).code, "PATH_OUTSIDE_ROOT");
    assert.ok(!existsSync(join(data, "new.db")));
  } finally {
    process.chdir(before);
  }
});
