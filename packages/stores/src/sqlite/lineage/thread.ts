/** The thread that reads the lineage off the journal, so that neither the event loop nor the committer waits for it. */
import { parentPort, workerData } from "node:worker_threads";
import { MillraceError } from "@millrace/protocol";
import { openReadOnly } from "../database.ts";
import { reading } from "../reading.ts";
import { discardProjectionFile, openProjectionFile } from "./projection-file.ts";
import { LineageReader } from "./reader.ts";
import type { Answer, Question, ThreadData } from "./thread-protocol.ts";

// The thread's starter passes nothing else.
const { dataDir, patienceMs } = workerData as ThreadData;
const reader = new LineageReader(openReadOnly(dataDir), openProjectionFile(dataDir), patienceMs);

/** What SQLite says of a file that is damaged. */
const DAMAGED = /malformed|not a database/;

parentPort?.on("message", async ({ id, method, args }: Question) => {
  let answer: Answer;
  try {
    // The arguments are those that the port's method of this name was given.
    const call = reader[method] as (...args: unknown[]) => Promise<unknown>;
    answer = { id, value: await reading(() => call.apply(reader, [...args])) };
  } catch (error) {
    if (error instanceof Error && DAMAGED.test(error.message)) {
      // The file is made anew by the thread that the next question starts.
      discardProjectionFile(dataDir);
      setImmediate(() => process.exit());
    }
    const code = error instanceof MillraceError ? error.code : "INTERNAL";
    answer = { id, error: { code, message: error instanceof Error ? error.message : String(error) } };
  }
  parentPort?.postMessage(answer);
});
