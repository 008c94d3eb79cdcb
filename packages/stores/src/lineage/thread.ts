/** The thread that reads the lineage off the journal, so that neither the event loop nor the committer waits for it. */
import type { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import { type ErrorCode, MillraceError } from "@millrace/protocol";
import { damaged, isDamage } from "../sqlite/damage.ts";
import type { LineageSource } from "./lineage-source.ts";
import { discardProjectionFile, openProjectionFile } from "./projection-file.ts";
import { LineageReader } from "./reader.ts";
import type { Answer, JournalPlace, Question, ThreadData } from "./thread-protocol.ts";

// The thread's starter passes nothing else.
const { journal, folder, patienceMs } = workerData as ThreadData;
const file = openProjectionFile(folder);
const reader = new LineageReader(await openSource(journal), file, patienceMs);

parentPort?.on("message", async ({ id, method, args }: Question) => {
  let answer: Answer;
  try {
    // The arguments are those that the port's method of this name was given.
    const call = reader[method] as (...args: unknown[]) => Promise<unknown>;
    answer = { id, value: await call.apply(reader, [...args]) };
  } catch (error) {
    const { code, message } = told(error);
    answer = { id, error: { code, message } };
  }
  parentPort?.postMessage(answer);
});

/** Loads no more than what that journal takes. */
async function openSource(place: JournalPlace): Promise<LineageSource> {
  if (place.kind === "postgres") {
    const { openPostgresLineageSource } = await import("../postgres/lineage-source.ts");
    return openPostgresLineageSource(place.url);
  }
  const { SqliteLineageSource } = await import("../sqlite/lineage-source.ts");
  const { openReadOnly } = await import("../sqlite/database.ts");
  return new SqliteLineageSource(openReadOnly(place.dataDir));
}

function told(error: unknown): { readonly code: ErrorCode; readonly message: string } {
  if (error instanceof MillraceError) return error;
  if (isDamage(error)) {
    if (journal.kind === "sqlite" && isSound(file)) return damaged(error);
    // It is made anew by the thread that the next question starts.
    discardProjectionFile(folder);
    setImmediate(() => process.exit());
    return unreadable("what was known of it was damaged, and is read off the journal anew");
  }
  if (error instanceof Error && "code" in error && error.code === "ERR_SQLITE_ERROR") return unreadable(error.message);
  return { code: "INTERNAL", message: error instanceof Error ? error.message : String(error) };
}

function unreadable(why: string): MillraceError {
  return new MillraceError("SERVICE_UNAVAILABLE", `The lineage cannot be read at present (${why}). Try again shortly.`);
}

/** Of two files one is damaged: this tells which. */
function isSound(database: DatabaseSync): boolean {
  try {
    return database.prepare("PRAGMA quick_check(1)").get()?.quick_check === "ok";
  } catch {
    return false;
  }
}
