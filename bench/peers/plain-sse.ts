/**
 * The peer of the stream's measurements: the shortest server that does the same for its clients, over `res.write`.
 * `GET /live`: waits until `clients` are there, then writes `events` frames to each, one write an event.
 * `GET /file`: the same frames from memory, in one piece.
 */
import { createServer, type ServerResponse } from "node:http";

const [events = 0, clients = 0, frameBytes = 0] = process.argv.slice(2).map(Number);
const frame = Buffer.from(`event: initiated\ndata: "${"x".repeat(Math.max(0, frameBytes - 40))}"\nid: 1000000\n\n`);
const file = Buffer.concat(Array.from({ length: events }, () => frame));
const waiting: ServerResponse[] = [];

const server = createServer((request, response) => {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  if (request.url === "/file") {
    response.end(file);
    return;
  }
  response.flushHeaders();
  waiting.push(response);
  if (waiting.length === clients) publish(0);
});

/** A hundred events a turn of the loop, as fast as the loop turns. */
function publish(from: number): void {
  const to = Math.min(events, from + 100);
  for (let event = from; event < to; event += 1) for (const response of waiting) response.write(frame);
  if (to < events) setImmediate(publish, to);
  else for (const response of waiting) response.end();
}

server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object" && address !== null) console.log(`http://127.0.0.1:${address.port}`);
});
