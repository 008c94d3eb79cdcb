/** What runs in a thread: takes messages from the service, and lets adapters work on them. */
import { AsyncLocalStorage } from "node:async_hooks";
import { enableCompileCache } from "node:module";
import { parentPort, workerData } from "node:worker_threads";
import { collectGarbage } from "./collect-garbage.ts";
import { LineSender } from "./line-sender.ts";
import { ServiceObjects } from "./service-objects.ts";
import { StepRun } from "./step-run.ts";
import type { FromThread, ThreadData, ToThread } from "./thread-messages.ts";

enableCompileCache();
// A heap that may grow as far as this one is first collected after half a gigabyte; once it was, after a few times of
// what it holds.
collectGarbage();
const port = parentPort;
if (port === null) throw new Error("This file runs in a thread that the service starts.");
const { openLines, grants }: ThreadData = workerData;
const send = (message: FromThread) => port.postMessage(message);
const lines = new LineSender(openLines, send);
const objects = new ServiceObjects(send);
const runs = new Map<number, StepRun>();
/** By whom an error was let escape. */
const traces = new AsyncLocalStorage<StepRun>();

process.on("uncaughtException", (error) => {
  const run = traces.getStore();
  if (run === undefined || run.over) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    lines.send(null, "error", `An adapter let an error escape after its message was over: ${text}`);
  } else {
    run.escaped(error);
  }
});

port.on("message", (message: ToThread) => {
  switch (message.kind) {
    case "run": {
      const run = new StepRun(message.run, message.request, {
        send,
        log: lines.logOf(message.run),
        objects: objects.of(message.run),
        grants,
        onOver: () => runs.delete(message.run),
      });
      runs.set(message.run, run);
      traces.run(run, () => run.next());
      break;
    }
    case "next": {
      const run = runs.get(message.run);
      if (run !== undefined) traces.run(run, () => run.next());
      break;
    }
    case "abort":
      runs.get(message.run)?.abort(new DOMException(message.message, message.name));
      break;
    case "close": {
      const run = runs.get(message.run);
      if (run === undefined) send({ kind: "closed", run: message.run });
      else traces.run(run, () => run.close());
      break;
    }
    case "collect":
      collectGarbage();
      break;
    case "answer":
      objects.answer(message);
  }
});
send({ kind: "ready" });
