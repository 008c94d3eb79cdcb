import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { emptyProgress, foldEvent } from "@millrace/protocol";
import { checkJournal } from "../support/check-journal.ts";
import { readStream } from "../support/read-stream.ts";
import type { ServiceProcess } from "../support/service-process.ts";
import type { Shape } from "./shapes.ts";

/** An execution of a round. */
export interface Run {
  readonly shape: Shape;
  readonly id: string;
  readonly path: string;
}

/** A service, as it is asked for what it holds. */
export type Asked = Pick<ServiceProcess, "client" | "url" | "stderr">;

/** Where it is told what a run writes to the object store. */
export function objectEvents({ id }: Run): string {
  return `/api/v1/storage/events?execution_id=${id}`;
}

/** That a run came to the end that it would have come to, and that its journal and counters agree. */
export async function checkRun(service: Asked, { shape, id, path }: Run) {
  const record = await service.client.executions.get(id);
  assert.equal(record.status, shape.status, `"${shape.name}": ${JSON.stringify(record.error_info)} ${service.stderr}`);
  const { frames } = await readStream(`${service.url}${path}`);
  const events = checkJournal(frames);
  const progress = emptyProgress();
  for (const event of events) foldEvent(progress, event);
  assert.equal(progress.open.size, 0, `"${shape.name}": every message that was taken is settled`);
  for (const [route, [completed, failed]] of Object.entries(shape.settled ?? {})) {
    const settled = progress.routes[route];
    assert.deepEqual([settled?.completed, settled?.failed], [completed, failed], `"${shape.name}", route ${route}`);
  }
  const retries = events.filter((event) => event.type === "failed" && event.will_retry).length;
  if (shape.retries !== null) assert.equal(retries, shape.retries, `"${shape.name}": attempts that were retried`);
  shape.check?.(events);
  const stats = await service.client.executions.stats(id);
  assert.deepEqual(
    [stats.completed_messages, stats.failed_messages, ...stats.routes.map((route) => [route.route, route.retries])],
    [
      progress.completed,
      progress.failed,
      ...stats.routes.map(({ route }) => [route, progress.routes[route]?.retries ?? 0]),
    ],
    `"${shape.name}": the counters are the fold of the journal`,
  );
  return frames
    .filter((frame) => frame.event !== "end")
    .map((frame) => ({ id: frame.id ?? "", type: frame.event, route: String(frame.data.route) }));
}

/** That the folder of a run's objects holds what is listed, and nothing else. */
export async function checkFolder(service: ServiceProcess, run: Run): Promise<void> {
  const { objects } = await service.client.storage.list({ execution_id: run.id, limit: 1_000 });
  const folder = join(service.dataDir, "objects", "executions", run.id);
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  assert.equal(files.length, objects.length, "all that is in the folder is listed");
  for (const { key, size } of objects) {
    assert.equal(readFileSync(join(service.dataDir, "objects", key)).length, size, `${key} is what is listed`);
  }
}

/** That the objects of a run, their list and their stream agree. Returns the ids of the stream. */
export async function checkObjects(service: Asked, run: Run): Promise<string[]> {
  const { objects } = await service.client.storage.list({ execution_id: run.id, limit: 1_000 });
  assert.equal(objects.length, run.shape.objects);
  for (const { key, sha256, size } of objects) {
    const path = key.split("/").map(encodeURIComponent).join("/");
    const answer = await fetch(`${service.url}/api/v1/storage/objects/${path}`);
    const body = Buffer.from(await answer.arrayBuffer());
    assert.deepEqual([size, sha256], [body.length, hash("sha256", body)], `${key} is what is listed`);
  }
  const { frames } = await readStream(`${service.url}${objectEvents(run)}`);
  const written = frames.filter(({ event }) => event === "written");
  const told = new Map(written.map(({ data }) => [data.key, data.sha256]));
  assert.deepEqual(
    Object.fromEntries(told),
    Object.fromEntries(objects.map(({ key, sha256 }) => [key, sha256])),
    "what the stream told last of an object is what is listed",
  );
  return written.map(({ id }) => id ?? "");
}

/** That every message that completed, per execution and route, has kept its payload. */
export function checkKept(dataDir: string, completed: ReadonlyMap<string, number>): void {
  const database = new DatabaseSync(join(dataDir, "millrace.db"), { readOnly: true });
  try {
    const kept = database.prepare(
      "SELECT count(*) AS kept FROM messages JOIN executions ON executions.key = execution_key WHERE executions.id = ? AND route = ? AND settled = 1",
    );
    for (const [place, count] of completed)
      assert.equal(kept.get(...place.split(" "))?.kept, count, `${place}: kept payloads`);
  } finally {
    database.close();
  }
}

/** That a database whose process is gone is sound: looked at in a copy, so that the next start finds it as it was left. */
export function checkFile(dataDir: string): void {
  const copy = mkdtempSync(join(tmpdir(), "millrace-check-"));
  try {
    for (const name of ["millrace.db", "millrace.db-wal"]) {
      if (existsSync(join(dataDir, name))) copyFileSync(join(dataDir, name), join(copy, name));
    }
    const database = new DatabaseSync(join(copy, "millrace.db"));
    try {
      assert.equal(database.prepare("PRAGMA integrity_check").get()?.integrity_check, "ok");
    } finally {
      database.close();
    }
  } finally {
    rmSync(copy, { recursive: true });
  }
}
