import { createClient } from "@millrace/client";

// Runs the config "hello", and tells of each message that is done: node examples/watch.ts
const millrace = createClient({
  baseUrl: process.env.MILLRACE_URL ?? "http://127.0.0.1:8000",
  apiKey: process.env.MILLRACE_API_KEY,
});

const run = await millrace.executions.run("hello", { payload: { greeting: "good morning" } });
for await (const event of run.events()) {
  if (event.type === "completed") console.log(event.route, event.message_id, event.duration_ms);
  if (event.type === "end") console.log(event.reason);
}
