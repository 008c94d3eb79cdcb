/**
 * graphile-worker: a task per step. `node graphile-worker.js CONNECTION MESSAGES [gather]`; prints messages a second.
 *
 * Set as its page on performance says for high throughput: 24 jobs at once, a local queue of 500, completions in
 * batches; the first jobs are added in bulk before the clock starts. With `gather`, which is no feature of it, what the
 * steps add within a turn of the loop goes into one `addJobs`, and 500 jobs run at once.
 */
import { Logger, makeWorkerUtils, run } from "graphile-worker";
import { gather, rate } from "./gather.js";

const [connectionString, messages, mode] = process.argv.slice(2);
const count = Number(messages);
const logger = new Logger(() => (level, message) => {
  if (level === "error") console.error(message);
});

const utils = await makeWorkerUtils({ connectionString, logger });
await utils.migrate();
for (let at = 0; at < count; at += 1_000) {
  await utils.addJobs(
    Array.from({ length: Math.min(1_000, count - at) }, (_, index) => ({
      identifier: "one",
      payload: { index: at + index },
    })),
  );
}

let done = 0;
let finish;
const finished = new Promise((resolve) => {
  finish = resolve;
});
const add =
  mode === "gather"
    ? gather((jobs) => utils.addJobs(jobs))
    : ({ identifier, payload }) => utils.addJob(identifier, payload);
const startedAt = performance.now();
const runner = await run({
  preset: {
    worker: {
      connectionString,
      concurrentJobs: mode === "gather" ? 500 : 24,
      maxPoolSize: 25,
      localQueue: { size: 500 },
      completeJobBatchDelay: 0,
      failJobBatchDelay: 0,
      logger,
    },
  },
  noHandleSignals: true,
  taskList: {
    one: (payload) => add({ identifier: "two", payload }),
    two: (payload) => add({ identifier: "three", payload }),
    three: async () => {},
  },
});
runner.events.on("job:complete", ({ job }) => {
  if (job.task_identifier !== "three") return;
  done += 1;
  if (done === count) finish();
});
await finished;
rate(count, startedAt);
await runner.stop();
await utils.release();
process.exit(0);
