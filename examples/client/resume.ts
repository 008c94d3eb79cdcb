import { createClient } from "@millrace/client";

// Leaves a stream after two events, and goes on behind them: node examples/client/resume.ts
const millrace = createClient({
  baseUrl: process.env.MILLRACE_URL ?? "http://127.0.0.1:8000",
  apiKey: process.env.MILLRACE_API_KEY,
});

const run = await millrace.executions.run("hello");
let lastEventId = "0";
let seen = 0;
for await (const event of run.events()) {
  lastEventId = event.id;
  seen += 1;
  if (seen === 2) break;
}

// `types` and `routes` choose on the service; `signal` stops it from elsewhere.
const stop = AbortSignal.timeout(60_000);
for await (const event of run.events({ lastEventId, types: ["completed", "failed"], signal: stop })) {
  if (event.type === "gap") console.log(`events before ${event.resumes_after} are kept no more`);
  if (event.type === "failed") console.log(`${event.route}: ${event.error.message}`);
  if (event.type === "completed") console.log(`${event.route}: done`);
}
