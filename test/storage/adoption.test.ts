import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { FileObjectStore } from "@millrace/stores";
import { millrace } from "../support/command.ts";
import { eventually } from "../support/eventually.ts";
import { readStream } from "../support/read-stream.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { notOfNodes } from "../support/shared-stack.ts";
import { StorageService } from "./storage-service.ts";

const METADATA = { contentType: "text/plain", messageId: "m", createdAt: "2026-03-01T12:00:00.000Z" };

const WAITING = `
version: "1.0"
name: waits
routes: { a: { adapters: [{ type: delay, config: { seconds: 600 } }] } }
init_message: { route: a }
`;

test("an object whose writer died before it could tell of it is listed after the restart", {
  skip: notOfNodes("it is about the files of the data directory"),
}, async () => {
  await using service = new ServiceProcess();
  await service.start();
  const id = await service.run(WAITING);
  await service.end("SIGKILL");
  const key = `executions/${id}/a/s/orphan`;
  await new FileObjectStore(service.dataDir).put(key, Buffer.from("x"), METADATA);
  await service.start();
  const [object] = await listed(service, id, 1);
  assert.deepEqual([object?.key, object?.size, object?.message_id], [key, 1, "m"]);
});

test("an object that was replaced or removed by a message that died before it could tell is listed as it is after the restart", {
  skip: notOfNodes("it is about the files of the data directory"),
}, async () => {
  await using service = new ServiceProcess();
  await service.start();
  const id = await service.run(WAITING);
  await service.end("SIGKILL");
  const objects = new FileObjectStore(service.dataDir);
  const keys = ["a", "ab", "b"].map((name) => `executions/${id}/a/s/${name}`);
  const [a = "", ab = ""] = keys;
  for (const key of keys) await objects.put(key, Buffer.from("x"), METADATA);
  await service.start();
  await listed(service, id, 3);
  await service.end("SIGKILL");
  await objects.put(ab, Buffer.from("longer"), METADATA);
  rmSync(join(service.dataDir, "objects", a));
  await service.start();
  const there = await eventually(async () => {
    const found = await listed(service, id, 2);
    assert.equal(found.length, 2);
    return found;
  });
  assert.deepEqual(
    there.map(({ key, size }) => [key, size]),
    [
      [ab, 6],
      [keys[2], 1],
    ],
  );
  const { frames } = await readStream(`${service.url}/api/v1/storage/events?execution_id=${id}`, {
    until: ({ data }) => data.size === 6,
  });
  assert.deepEqual(
    frames.map(({ data }) => data.name),
    ["a", "ab", "b", "ab"],
  );
});

test("objects of a version that did not list them are listed once they were looked through", {
  skip: notOfNodes("it is about the files of the data directory"),
}, async () => {
  await using service = new ServiceProcess(["--shutdown-grace", "0.1"]);
  const fixture = join(import.meta.dirname, "../fixtures/databases/0003.db.gz");
  writeFileSync(join(service.dataDir, "millrace.db"), gunzipSync(readFileSync(fixture)));
  await service.start();
  const { id } = await service.client.executions.get("over");
  await service.end();
  rmSync(join(service.dataDir, "millrace.db"));
  writeFileSync(join(service.dataDir, "millrace.db"), gunzipSync(readFileSync(fixture)));
  const objects = new FileObjectStore(service.dataDir);
  for (let index = 0; index < 300; index += 1)
    await objects.put(`executions/${id}/work/s/${index}`, Buffer.from("x"), METADATA);
  await service.start();
  assert.equal((await listed(service, id, 300)).length, 300);
  const { frames } = await readStream(`${service.url}/api/v1/storage/events?execution_id=${id}`);
  assert.equal(frames.filter(({ event }) => event === "written").length, 300, "they are in its stream, which ends");
  assert.equal(frames.at(-1)?.event, "end");
  const waiting = await service.run(WAITING);
  await service.end();
  // What is looked through is what a process has left behind, and no other execution again.
  for (const key of [`${id}/work/s/later`, `${waiting}/a/s/orphan`])
    await objects.put(`executions/${key}`, Buffer.from("x"), METADATA);
  await service.start();
  await listed(service, waiting, 1);
  assert.equal((await listed(service, id, 300)).length, 300);
});

test("objects are listed and served out of a restored backup as they were", {
  skip: notOfNodes("it is about the files of the data directory"),
}, async () => {
  await using storage = await StorageService.start();
  const id = await storage.write([{ key: "s/a.md", text: "# one", type: "text/markdown" }, { key: "s/b" }]);
  const key = `executions/${id}/put/s/a.md`;
  const before = await storage.get(`objects/${key}`);
  const file = join(storage.service.dataDir, "..", `${id}.backup`);
  await using restored = new ServiceProcess();
  try {
    const made = await millrace(["backup", file, "--data-dir", storage.service.dataDir]);
    assert.equal(made.code, 0, made.stderr);
    rmSync(restored.dataDir, { recursive: true });
    const back = await millrace(["restore", file, "--data-dir", restored.dataDir]);
    assert.equal(back.code, 0, back.stderr);
  } finally {
    rmSync(file, { force: true });
  }
  await restored.start();
  const after = await fetch(`${restored.url}/api/v1/storage/objects/${key}`);
  for (const name of ["etag", "content-type", "content-length"])
    assert.equal(after.headers.get(name), before.headers.get(name), name);
  assert.equal(await after.text(), "# one");
  assert.equal((await listed(restored, id, 2)).length, 2);
});

interface Listed {
  readonly key: string;
  readonly size: number;
  readonly message_id: string | null;
}

/** Waits until so many objects of an execution are listed. */
async function listed(service: ServiceProcess, id: string, count: number): Promise<Listed[]> {
  while (true) {
    const response = await fetch(`${service.url}/api/v1/storage/objects?execution_id=${id}&limit=1000`);
    const { objects } = (await response.json()) as { objects: Listed[] };
    if (objects.length >= count) return objects;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
