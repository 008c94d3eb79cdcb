import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** A client that takes nothing of its answer for so long, in milliseconds, has no connection any more. */
export const STALL_MS = 60_000;

/**
 * Cuts the connection of an answer that is about to be sent once its client takes nothing of it for `stallMs`. Of small ones,
 * too: the system's own buffers hold the first that nobody reads, not the hundredth.
 */
export function cutWhenStalled(response: ServerResponse, stallMs = STALL_MS): void {
  const { socket } = response;
  if (socket !== null) watch(response, socket, stallMs);
  // Its turn is yet to come: other answers stand before it on the connection.
  else response.once("socket", (own: Socket) => watch(response, own, stallMs));
}

/** Whose answer a connection is watched for. */
const watched = new WeakMap<Socket, ServerResponse>();

function watch(response: ServerResponse, socket: Socket, stallMs: number): void {
  // The server destroys a socket that times out, unless somebody listens for that.
  socket.setTimeout(stallMs);
  watched.set(socket, response);
  response.once("finish", () => {
    // The answer behind this one has its turn by now, and may be watched already.
    if (watched.get(socket) !== response) return;
    // The server's own time-out between two requests may be there already; an answer behind this one may take its time.
    if (socket.timeout === stallMs && response.shouldKeepAlive) socket.setTimeout(0);
  });
}
