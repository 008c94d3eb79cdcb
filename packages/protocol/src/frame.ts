/**
 * The SSE frame of the contract ("The frame"): one block with LF line ends, in the order `event`, `data`, `id`, empty
 * line. `id` is last because a widely used client commits the id on reading its line, and would skip a half-received
 * event when it resumes.
 */

/**
 * Encodes one frame. `data` must be one line (JSON without line breaks); `id` is left out when null, which only a
 * stream that never had a position does.
 */
export function encodeFrame(event: string, data: string, id: string | number | null): string {
  return id === null ? `event: ${event}\ndata: ${data}\n\n` : `event: ${event}\ndata: ${data}\nid: ${id}\n\n`;
}

/** What the standard takes for part of a line, and line readers of some languages (Python's `splitlines`) for its end. */
const LINE_BREAKS = /[\u0085\u2028\u2029]/g;

/** JSON as one line for all who read lines: what JSON leaves as it is and some take for a line's end is escaped. */
export function toOneLine(json: string): string {
  if (json.search(LINE_BREAKS) < 0) return json;
  return json.replace(LINE_BREAKS, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** What a quiet stream carries. No empty line after it: that makes a common client report an empty message. */
export const HEARTBEAT = ":\n";

/** The first bytes of a stream: a reconnection time, spread so that clients do not come back in the same second. */
export function encodeRetry(random: number = Math.random()): string {
  return `retry: ${2000 + Math.floor(random * 3001)}\n`;
}

/** A cursor as it travels: plain, under 128 bytes, so that browsers need no preflight for it. */
const CURSOR = /^(?:0|[1-9][0-9]{0,15})$/;

/** The position that a cursor names, or null when it is not one that this service can have handed out. */
export function parseCursor(cursor: string): number | null {
  if (!CURSOR.test(cursor)) return null;
  const position = Number(cursor);
  return Number.isSafeInteger(position) ? position : null;
}
