/** hono's `streamSSE`: `writeSSE` to each open stream. */
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { streamSSE } from "hono/streaming";
import { listen } from "./listen.js";

const app = new Hono();
const streams = new Set();
let id = 0;

app.get("/sub", (context) =>
  streamSSE(context, async (stream) => {
    streams.add(stream);
    await new Promise((resolve) => stream.onAbort(resolve));
    streams.delete(stream);
  }),
);
app.post("/pub", async (context) => {
  const data = await context.req.text();
  id += 1;
  for (const stream of streams) stream.writeSSE({ id: String(id), data });
  return context.body(null, 204);
});
listen(createAdaptorServer({ fetch: app.fetch }));
