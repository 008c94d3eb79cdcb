import { createClient, type StreamState } from "@millrace/client";

// Runs the config "hello", and shows how far it is: node examples/client/progress.ts
const millrace = createClient({
  baseUrl: process.env.MILLRACE_URL ?? "http://127.0.0.1:8000",
  apiKey: process.env.MILLRACE_API_KEY,
});

const run = await millrace.executions.run("hello");
for await (const { status, queued, running, completed, failed } of run.progress({ onState: tell })) {
  console.log(`${status}: ${queued} queued, ${running} running, ${completed} done, ${failed} failed`);
}

function tell(stream: StreamState): void {
  if (stream.state === "waiting") console.log(`${stream.reason}: again in ${Math.round(stream.ms)} ms`);
  if (stream.state === "ended") console.log(stream.end?.reason ?? "stopped");
}
