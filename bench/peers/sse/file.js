/** What a socket takes: as many bytes of a stream as asked for, from memory, in pieces of 256 KiB. */
import { createServer } from "node:http";
import { listen } from "./listen.js";

const [bytes = 0] = process.argv.slice(2).map(Number);
const PIECE = 256 * 1024;
const frame = `event: initiated\ndata: "${"x".repeat(400)}"\nid: 1000000\n\n`;
const piece = Buffer.from(frame.repeat(Math.floor(PIECE / frame.length)));

listen(
  createServer((_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    let left = bytes;
    const more = () => {
      while (left > 0) {
        left -= piece.length;
        if (!response.write(piece)) {
          response.once("drain", more);
          return;
        }
      }
      response.end();
    };
    more();
  }),
);
