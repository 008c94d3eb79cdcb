/**
 * pg-boss: a queue per step, a worker on each. `node pg-boss.js CONNECTION MESSAGES [singly]`; prints messages a second.
 *
 * Set as its documentation says for throughput: 500 jobs fetched, added and completed at a time, without a pause while
 * batches come back full, workers woken by NOTIFY; the first jobs are added in bulk before the clock starts. A batch
 * fails or succeeds as a whole; with `singly` (its `perJobResults`) each job is settled by itself. One job at a time,
 * twenty workers a queue, was below a hundred messages a second here.
 */
import { PgBoss } from "pg-boss";
import { rate } from "./gather.js";

const [connectionString, messages, mode] = process.argv.slice(2);
const count = Number(messages);
const boss = new PgBoss({ connectionString, useListenNotify: true, max: 20 });
boss.on("error", (error) => console.error(error));
await boss.start();
const names = ["one", "two", "three"];
for (const name of names) await boss.createQueue(name, { notify: true });
for (let at = 0; at < count; at += 1_000) {
  await boss.insert(
    "one",
    Array.from({ length: Math.min(1_000, count - at) }, (_, index) => ({ data: { index: at + index } })),
  );
}

let done = 0;
let finish;
const finished = new Promise((resolve) => {
  finish = resolve;
});
const singly = mode === "singly";
const startedAt = performance.now();
for (const [index, name] of names.entries()) {
  const next = names[index + 1];
  const options = {
    batchSize: 500,
    burstWhenBatchFull: true,
    perJobResults: singly,
    pollingIntervalSeconds: 0.5,
    notifyPollingIntervalSeconds: 0.5,
  };
  await boss.work(name, options, async (jobs) => {
    if (next !== undefined) {
      const added = jobs.map(({ data }) => ({ data }));
      await boss.insert(next, added);
    } else {
      done += jobs.length;
      if (done === count) finish();
    }
    return singly ? jobs.map(({ id }) => ({ id, status: "completed" })) : undefined;
  });
}
await finished;
rate(count, startedAt);
await boss.stop({ graceful: false });
process.exit(0);
