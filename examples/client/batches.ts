import { createClient, emptyProgress, foldEvent, summarizeDurations } from "@millrace/client";

// Takes events by the hundred, and makes a state of them: node examples/client/batches.ts
const millrace = createClient({
  baseUrl: process.env.MILLRACE_URL ?? "http://127.0.0.1:8000",
  apiKey: process.env.MILLRACE_API_KEY,
});

const run = await millrace.executions.run("hello");
const progress = emptyProgress();
for await (const batch of run.eventBatches()) {
  for (const event of batch) {
    if (event.type !== "gap" && event.type !== "end") foldEvent(progress, event);
  }
  // Here a page would draw. What comes in the meantime is the next batch.
}
for (const [route, { completed, failed, durations }] of Object.entries(progress.routes)) {
  console.log(`${route}: ${completed} done, ${failed} failed, at most ${summarizeDurations(durations).max} ms`);
}
