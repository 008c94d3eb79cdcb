/**
 * How fast the client takes a stream that is at hand, one by one and in batches, and what a page's frames are like while
 * it does: `npx node bench/client-reading.ts [--events 300000]`. In Chromium, and in this Node.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createClient } from "@millrace/client";
import { rolldown } from "rolldown";
import { launchChromium } from "../test/support/chromium.ts";

const { values } = parseArgs({ options: { events: { type: "string", default: "300000" } } });
const EVENTS = Number(values.events);

const server = createServer((request, response) => {
  if (request.url?.endsWith(".js")) {
    response.setHeader("content-type", "text/javascript");
    response.end(code);
  } else if (request.url?.includes("/events")) {
    response.setHeader("content-type", "text/event-stream");
    void stream(response);
  } else {
    response.setHeader("content-type", "text/html");
    response.end(
      '<script type="module">import { createClient } from "/client.js"; window.client = createClient();</script>',
    );
  }
});

async function stream(response: import("node:http").ServerResponse): Promise<void> {
  for (let at = 1; at <= EVENTS; at += 100) {
    let part = "";
    for (let id = at; id < at + 100; id += 1) {
      const message = `01990d6f-0c5e-7000-8000-${String(id).padStart(12, "0")}`;
      const data = {
        execution_id: "01990d6f-0c5e-7000-8000-000000000000",
        message_id: message,
        parent_message_id: "01990d6f-0c5e-7000-8000-000000000001",
        correlation_id: message,
        root_correlation_id: "01990d6f-0c5e-7000-8000-000000000001",
        route: "work",
        timestamp: "2026-11-24T01:58:39.253Z",
        attempt: 1,
        type: "completed",
        duration_ms: 2.899,
        emitted: { keep: 3 },
      };
      part += `event: completed\ndata: ${JSON.stringify(data)}\nid: ${id}\n\n`;
    }
    if (!response.write(part)) await once(response, "drain");
  }
  response.end(`event: end\ndata: {"reason":"completed","status":"completed"}\nid: ${EVENTS}\n\n`);
}

/** Runs in the page as well: it stands alone. */
async function take(client: ReturnType<typeof createClient>, batches: boolean) {
  const gaps: number[] = [];
  let last = performance.now();
  let over = false;
  const page = globalThis as { requestAnimationFrame?(drawn: () => void): void };
  const tick = () => {
    const now = performance.now();
    gaps.push(now - last);
    last = now;
    if (!over) (page.requestAnimationFrame ?? setImmediate)(tick);
  };
  tick();
  const since = performance.now();
  let events = 0;
  let batch = 0;
  if (batches) {
    for await (const each of client.executions.eventBatches("a")) {
      events += each.length;
      batch += 1;
    }
  } else for await (const _ of client.executions.events("a")) events += 1;
  const ms = performance.now() - since;
  over = true;
  gaps.sort((a, b) => a - b);
  return {
    events_per_second: Math.round((events / ms) * 1000),
    events_per_batch: batches ? Math.round(events / batch) : 1,
    frame_ms_p95: Math.round(gaps[Math.floor(gaps.length * 0.95)] ?? 0),
    frame_ms_max: Math.round(gaps.at(-1) ?? 0),
  };
}

const bundle = await rolldown({
  input: join(import.meta.dirname, "../packages/client/src/index.ts"),
  platform: "browser",
});
const { output } = await bundle.generate({ format: "es" });
const { code } = output[0];
server.listen(0, "127.0.0.1");
await once(server, "listening");
const address = server.address();
const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
const results: Record<string, object> = {};
for (const batches of [false, true])
  results[`node, ${batches ? "batches" : "one by one"}`] = await take(createClient({ baseUrl: url }), batches);
const browser = await launchChromium();
const page = await browser.newPage();
await page.goto(url);
await page.waitForFunction("window.client");
for (const batches of [false, true])
  results[`Chromium, ${batches ? "batches" : "one by one"}`] = await page.evaluate(
    `(${take.toString()})(window.client, ${batches})`,
  );
await browser.close();
server.close();
console.table(results);
