/** The thread that has the collections' database open: comparing all vectors of a large one takes its time. */
import { parentPort, workerData } from "node:worker_threads";
import { type ErrorCode, MillraceError } from "@millrace/protocol";
import { openSearchFile } from "./search-file.ts";
import { SearchFileIndex } from "./search-file-index.ts";
import type { Answer, Question, ThreadData } from "./thread-protocol.ts";

// The thread's starter passes nothing else.
const { dataDir } = workerData as ThreadData;
const database = openSearchFile(dataDir);
const index = new SearchFileIndex(database);

parentPort?.on("message", async (question: Question | "close") => {
  if (question === "close") {
    database.close();
    process.exit();
  }
  const { id, method, args } = question;
  let answer: Answer;
  try {
    // The arguments are those that the port's method of this name was given.
    const call = index[method] as (...args: unknown[]) => Promise<unknown>;
    answer = { id, value: await call.apply(index, [...args]) };
  } catch (error) {
    const { code, message } = told(error);
    answer = { id, error: { code, message } };
  }
  parentPort?.postMessage(answer);
});

function told(error: unknown): { readonly code: ErrorCode; readonly message: string } {
  if (error instanceof MillraceError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof Error && "code" in error && error.code === "ERR_SQLITE_ERROR") {
    return { code: "SERVICE_UNAVAILABLE", message: `The collections cannot be reached at present (${message}).` };
  }
  return { code: "INTERNAL", message };
}
