/**
 * Events a second that the engine runs and commits, beside rows a second of bare SQLite with rows of the same size:
 * `npx node bench/journal.ts`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { defineAdapter } from "@millrace/engine";
import { z } from "zod";
import { define, Rig } from "../test/support/engine-rig.ts";
import { median, report } from "./report.ts";

const MESSAGES = 20_000;
const FRAME_BYTES = 420;
const ROWS_PER_TRANSACTION = 100;

const many = defineAdapter({
  type: "many",
  description: "Emits as many messages as the measurement takes.",
  config: z.strictObject({}),
  *process() {
    for (let index = 0; index < MESSAGES; index += 1) yield { index };
  },
});

const pass = defineAdapter({
  type: "pass",
  description: "Passes on.",
  config: z.strictObject({}),
  process: ({ payload }) => payload,
});

async function engine(): Promise<number> {
  await using rig = new Rig();
  const definition = define({
    make: { steps: [{ adapter: many }], outbound: ["one"] },
    one: { steps: [{ adapter: pass }], outbound: ["two"], concurrency: 8 },
    two: { steps: [{ adapter: pass }], concurrency: 8 },
  });
  const startedAt = performance.now();
  const id = await rig.run(definition);
  if (!(await rig.engine.wait(id, 120_000))) throw new Error("the run does not end");
  const seconds = (performance.now() - startedAt) / 1000;
  return (await rig.events(id)).length / seconds;
}

async function bareSqlite(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-bench-"));
  const database = new DatabaseSync(join(folder, "bare.db"));
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
  database.exec("CREATE TABLE events (id INTEGER PRIMARY KEY, execution TEXT NOT NULL, frame BLOB NOT NULL)");
  const insert = database.prepare("INSERT INTO events (execution, frame) VALUES (?, ?)");
  const rows = MESSAGES * 6;
  const frame = Buffer.alloc(FRAME_BYTES, "x");
  const startedAt = performance.now();
  for (let at = 0; at < rows; at += ROWS_PER_TRANSACTION) {
    database.exec("BEGIN");
    for (let row = 0; row < ROWS_PER_TRANSACTION; row += 1) insert.run("01a20b46-cd90-72cb-b409-4748bc94826c", frame);
    database.exec("COMMIT");
  }
  const seconds = (performance.now() - startedAt) / 1000;
  database.close();
  rmSync(folder, { recursive: true });
  return rows / seconds;
}

report([
  {
    what: `a run of ${MESSAGES.toLocaleString("en")} messages through two routes`,
    unit: "events/s",
    ours: await median(3, engine),
    peer: await median(3, bareSqlite),
    peerIs: `bare \`node:sqlite\`: rows of ${FRAME_BYTES} bytes, ${ROWS_PER_TRANSACTION} a transaction, and nothing else`,
  },
]);
