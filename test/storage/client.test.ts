import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { millrace } from "../support/command.ts";
import { StorageService } from "./storage-service.ts";

let storage: StorageService;
let id: string;
before(async () => {
  storage = await StorageService.start();
  const writes = [
    { key: "s/a b/ü.md", text: "# grüße", type: "text/markdown" },
    { key: "t/b.json", text: "{}" },
  ];
  id = await storage.write(writes, { tag: "nightly" });
});
after(() => storage[Symbol.asyncDispose]());

test("the client library lists, reads, describes and follows objects", async () => {
  const { storage: client } = storage.service.client;
  const { objects, total } = await client.list({ execution_id: "nightly", stage: ["s", "t"] });
  assert.deepEqual([objects.map(({ name }) => name), total], [["a b/ü.md", "b.json"], 2]);
  const key = objects[0]?.key ?? "";
  assert.equal(await (await client.get(key)).text(), "# grüße");
  const part = await client.get(key, { range: "bytes=0-0" });
  assert.deepEqual([part.status, await part.text()], [206, "#"]);
  assert.deepEqual((await client.metadata(key)).sha256, objects[0]?.sha256);
  await assert.rejects(client.get(`${key}x`), { name: "ApiError", status: 404, code: "OBJECT_NOT_FOUND" });
  const seen: string[] = [];
  for await (const event of client.events(["nightly"], { extensions: ["md"] }))
    seen.push(event.type === "written" ? event.key : event.reason);
  assert.deepEqual(seen, [key, "completed"]);
});

test("the command line lists, describes and saves objects", async () => {
  const url = ["--url", storage.service.url];
  const key = `executions/${id}/put/s/a b/ü.md`;
  const listed = await millrace(["objects", "list", "--execution", "nightly", "--stage", "s", ...url]);
  assert.equal(listed.code, 0, listed.stderr);
  assert.match(listed.stdout, new RegExp(`bytes +type +key\\n +9 +text/markdown +${key}\\n`));
  const shown = await millrace(["objects", "show", key, ...url]);
  assert.match(shown.stdout, /^key: executions.*\n[\s\S]*^content_type: text\/markdown\nsha256: [0-9a-f]{64}$/m);
  assert.equal((await millrace(["objects", "get", key, ...url])).stdout, "# grüße");
  const folder = mkdtempSync(join(tmpdir(), "millrace-objects-"));
  try {
    const file = join(folder, "saved.md");
    assert.equal((await millrace(["objects", "get", key, "--output", file, ...url])).code, 0);
    assert.equal(readFileSync(file, "utf8"), "# grüße");
  } finally {
    rmSync(folder, { recursive: true });
  }
  const missing = await millrace(["objects", "get", "executions/nightly/put/s/none", ...url]);
  assert.deepEqual([missing.code, missing.stdout], [4, ""]);
  assert.match(missing.stderr, /There is no object/);
});
