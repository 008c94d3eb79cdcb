/** No host can ask to be left alone for longer, in milliseconds. */
const MOST_MS = 24 * 60 * 60 * 1000;

/** How long a `Retry-After` asks to wait, in milliseconds, at most a day; null where it says nothing that can be read. */
export function retryAfterMs(header: string | null, nowMs: number = Date.now()): number | null {
  const text = header?.trim() ?? "";
  if (/^\d{1,12}$/.test(text)) return Math.min(MOST_MS, Number(text) * 1000);
  // A date of HTTP begins with the name of a day: of the many other texts that `Date.parse` takes, none is meant.
  if (!/^(?:mon|tue|wed|thu|fri|sat|sun)/i.test(text)) return null;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : Math.min(MOST_MS, Math.max(0, at - nowMs));
}
