/** better-sse: a channel's `broadcast`; with `batch`, one event buffer for all sessions. */
import { createServer } from "node:http";
import { createChannel, createEventBuffer, createSession } from "better-sse";
import { listen, textOf } from "./listen.js";

const batch = process.argv[2] === "batch";
const channel = createChannel();
let id = 0;

listen(
  createServer(async (request, response) => {
    if (request.method === "POST") {
      const text = await textOf(request);
      id += 1;
      if (batch) {
        const buffer = createEventBuffer();
        buffer.push(text, "message", String(id));
        for (const session of channel.activeSessions) session.batch(buffer);
      } else channel.broadcast(text, "message", { eventId: String(id) });
      response.writeHead(204).end();
      return;
    }
    channel.register(await createSession(request, response));
  }),
);
