import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { EventSourceParserStream } from "eventsource-parser/stream";

const [url = "", file = "last-event-id"] = process.argv.slice(2);
const key = process.env.MILLRACE_API_KEY ?? "";
const credential: Record<string, string> = key === "" ? {} : { authorization: `Bearer ${key}` };

/** Follows an execution to its end, and keeps its place in a file: a process that is started again goes on there. */
for (let over = false; !over; ) {
  const lastId = existsSync(file) ? readFileSync(file, "utf8") : "";
  try {
    const headers = lastId === "" ? credential : { ...credential, "last-event-id": lastId };
    const answer = await fetch(url, { headers });
    if (answer.status === 204) break;
    if (answer.ok && answer.body !== null) over = await read(answer.body);
    else if (![429, 502, 503, 504].includes(answer.status)) process.exit(tell(await answer.text()));
  } catch (error) {
    tell(`The connection broke: ${error}`);
  }
  if (!over) await setTimeout(1_000);
}

/** Whether the execution is over. */
async function read(body: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<boolean> {
  const messages = body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  for await (const { event, data, id } of messages) {
    console.log(event, data);
    // Once the event is dealt with: what comes in between is seen again after a crash, and never left out.
    if (id !== undefined) writeFileSync(file, id);
    if (event === "end") return ["completed", "failed", "cancelled"].includes(JSON.parse(data).reason);
  }
  return false;
}

function tell(text: string): number {
  console.error(text);
  return 1;
}
