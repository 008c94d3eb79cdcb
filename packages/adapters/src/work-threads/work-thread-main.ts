import { parentPort } from "node:worker_threads";
import { AdapterError } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import type { FromWorkThread, ToWorkThread, Work } from "./work-messages.ts";

/** One piece of work at a time; the next value is made when it is asked for. */
const port = parentPort ?? process;
const send = (message: FromWorkThread) => {
  if (parentPort !== null) parentPort.postMessage(message);
  else process.send?.(message);
};
// A process is of no use without the service.
if (parentPort === null) process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));

let values: AsyncGenerator<JsonObject, void> | null = null;

port.on("message", (message: ToWorkThread) => {
  if (message.kind === "work") values = begin(message.work);
  next().catch((error: unknown) => {
    values = null;
    send({ kind: "failed", failure: failureOf(error) });
  });
});

async function next(): Promise<void> {
  const { done, value } = (await values?.next()) ?? { done: true, value: undefined };
  if (done === true || value === undefined) {
    values = null;
    send({ kind: "done" });
    return;
  }
  send({ kind: "value", value });
}

async function* begin(work: Work): AsyncGenerator<JsonObject, void> {
  if (work.kind === "pdf") {
    const { readPdf } = await import("../documents/read-pdf.ts");
    yield* readPdf(work.bytes, work.options);
    return;
  }
  if (work.kind === "parquet") {
    const { readParquet } = await import("../parquet/read-parquet.ts");
    yield* readParquet(work.source, work.options);
    return;
  }
  if (work.kind === "sqlite") {
    const { querySqlite } = await import("../sql/query-sqlite.ts");
    yield* querySqlite(work.query);
    return;
  }
  const { readDocx } = await import("../documents/read-docx.ts");
  yield await readDocx(work.bytes, work.options);
}

function failureOf(error: unknown) {
  if (error instanceof AdapterError) {
    return { code: error.code, message: error.message, retryable: error.retryable };
  }
  const why = error instanceof Error ? error.message : String(error);
  return { code: "DOCUMENT_INVALID", message: `The document cannot be read: ${why.slice(0, 300)}.`, retryable: false };
}
