import type { IncomingHttpHeaders } from "node:http";

/** What there is, as conditions are held against it. */
export interface Validators {
  /** Strong, quotes and all. */
  readonly etag: string;
  /** Epoch ms, whole seconds. */
  readonly lastModified: number;
}

/** What the conditions of a `GET` or `HEAD` come to (RFC 9110, section 13.2.2): go on, 304 or 412. */
export function checkConditions(
  headers: IncomingHttpHeaders,
  { etag, lastModified }: Validators,
): "go on" | "not modified" | "failed" {
  const match = headers["if-match"];
  const unmodifiedSince = dateOf(headers["if-unmodified-since"]);
  if (match !== undefined) {
    if (!listed(match, etag, false)) return "failed";
  } else if (unmodifiedSince !== null && lastModified > unmodifiedSince) return "failed";
  const noneMatch = headers["if-none-match"];
  const modifiedSince = dateOf(headers["if-modified-since"]);
  if (noneMatch !== undefined) {
    if (listed(noneMatch, etag, true)) return "not modified";
  } else if (modifiedSince !== null && lastModified <= modifiedSince) return "not modified";
  return "go on";
}

/** Whether a `Range` counts: what the client has of the object must be what is there. Weak validators never say so. */
export function rangeCounts(
  ifRange: string | string[] | undefined,
  { etag, lastModified }: Validators,
  now: number,
): boolean {
  if (ifRange === undefined) return true;
  const text = String(ifRange).trim();
  if (text.startsWith('"') || text.startsWith("W/")) return text === etag;
  // Two writes of one second have the same date: it is strong only for what is older.
  return dateOf(text) === lastModified && now - lastModified > 1_000;
}

/** Whether an entity tag is in a list, or the list is `*`; `weakly`: marks of weakness do not count. */
function listed(list: string, etag: string, weakly: boolean): boolean {
  if (list.trim() === "*") return true;
  for (const [, weak, tag] of list.matchAll(/(W\/)?("[^"]*")/g)) {
    if (tag === etag && (weakly || weak === undefined)) return true;
  }
  return false;
}

/** Null where there is none, or it is none: the condition is then ignored. */
function dateOf(text: string | undefined): number | null {
  // Other forms than those of HTTP would be read as dates as well, bare numbers among them.
  if (text === undefined || !/^[A-Za-z]{3,9},? /.test(text)) return null;
  const date = Date.parse(text);
  return Number.isNaN(date) ? null : date;
}
