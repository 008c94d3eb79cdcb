/**
 * BullMQ: a queue per step, a worker on each. `node bullmq.js PORT MESSAGES [gather]`; prints messages a second.
 *
 * Tuned by its documentation: many jobs at once per worker, done jobs removed, the first jobs added in bulk before the
 * clock starts; and ioredis pipelines what it can. With `gather`, which is no feature of it, what the steps add within a
 * turn of the loop goes into one `addBulk`.
 */
import { Queue, Worker } from "bullmq";
import { Redis } from "ioredis";
import { gather, rate } from "./gather.js";

const [port, count] = process.argv.slice(2, 4).map(Number);
const gathers = process.argv[4] === "gather";
const connect = () => new Redis(port, "127.0.0.1", { maxRetriesPerRequest: null, enableAutoPipelining: true });

const names = ["one", "two", "three"];
const queues = names.map((name) => new Queue(name, { connection: connect() }));
const JOB = { removeOnComplete: true, removeOnFail: true };

for (let at = 0; at < count; at += 1_000) {
  await queues[0].addBulk(
    Array.from({ length: Math.min(1_000, count - at) }, (_, index) => ({
      name: "step",
      data: { index: at + index },
      opts: JOB,
    })),
  );
}

let done = 0;
let finish;
const finished = new Promise((resolve) => {
  finish = resolve;
});
const startedAt = performance.now();
const workers = names.map((name, index) => {
  const next = queues[index + 1];
  const add =
    next && (gathers ? gather((jobs) => next.addBulk(jobs)) : ({ name, data, opts }) => next.add(name, data, opts));
  const step = async (job) => {
    if (add !== undefined) await add({ name: "step", data: job.data, opts: JOB });
  };
  const worker = new Worker(name, step, {
    connection: connect(),
    concurrency: 200,
    removeOnComplete: { count: 0 },
    removeOnFail: { count: 0 },
  });
  worker.on("error", (error) => console.error(error));
  if (next === undefined) {
    worker.on("completed", () => {
      done += 1;
      if (done === count) finish();
    });
  }
  return worker;
});
await finished;
rate(count, startedAt);
await Promise.all(workers.map((worker) => worker.close(true)));
process.exit(0);
