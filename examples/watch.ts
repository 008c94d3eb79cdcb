import { createClient } from "@millrace/client";

// Runs the config "hello", and tells of each message that is done: node examples/watch.ts
const millrace = createClient({ baseUrl: process.env.MILLRACE_URL ?? "http://127.0.0.1:8000" });

const { configs } = await millrace.configs.list();
const hello = configs.find((config) => config.name === "hello");
if (hello === undefined) throw new Error('There is no config "hello": start the service with `npm start`.');

const execution = await millrace.configs.run(hello.id, { payload: { greeting: "good morning" } });
for await (const frame of millrace.executions.events(execution.id)) {
  if (frame.type === "event" && frame.data.type === "completed") {
    console.log(frame.data.route, frame.data.message_id, frame.data.duration_ms);
  }
  if (frame.type === "end") console.log(frame.data.reason);
}
