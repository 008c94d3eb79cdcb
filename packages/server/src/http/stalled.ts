import type { ServerResponse } from "node:http";

/** A client that takes nothing of its answer for so long, in milliseconds, has no connection any more. */
export const STALL_MS = 60_000;

/** Answers up to this size fit into the system's own buffers, whether the client reads or not. */
const SMALL_BYTES = 64 * 1024;

/** Whether a payload, as the framework sends it, can wait for its client. */
export function canStall(payload: unknown): boolean {
  if (payload === null || payload === undefined) return false;
  if (typeof payload === "string" || Buffer.isBuffer(payload)) return payload.length > SMALL_BYTES;
  return true;
}

/** Cuts the connection of an answer that is about to be sent once its client takes nothing of it for `stallMs`. */
export function cutWhenStalled(response: ServerResponse, stallMs = STALL_MS): void {
  const { socket } = response;
  if (socket === null) return;
  // The server destroys a socket that times out, unless somebody listens for that.
  socket.setTimeout(stallMs);
  response.once("finish", () => {
    // The server's own time-out between two requests may be there already; an answer behind this one may take its time.
    if (socket.timeout === stallMs && response.shouldKeepAlive) socket.setTimeout(0);
  });
}
