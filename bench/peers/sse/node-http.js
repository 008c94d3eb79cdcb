/** `node:http` alone: one buffer, made once per event, written to each response. */
import { createServer } from "node:http";
import { listen, textOf } from "./listen.js";

const responses = new Set();
let id = 0;

listen(
  createServer(async (request, response) => {
    if (request.method === "POST") {
      const text = await textOf(request);
      id += 1;
      const frame = Buffer.from(`data: ${text}\nid: ${id}\n\n`);
      for (const each of responses) each.write(frame);
      response.writeHead(204).end();
      return;
    }
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    response.flushHeaders();
    responses.add(response);
    response.on("close", () => responses.delete(response));
  }),
);
