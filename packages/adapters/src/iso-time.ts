/** A date in any of the usual forms in ISO 8601, in UTC; null where it is none. One without a time stays a date. */
export function toTime(text: string | null | undefined): string | null {
  if (text === null || text === undefined) return null;
  const written = text.trim();
  const date = /^\d{4}-\d{2}-\d{2}$/.test(written);
  const time = Date.parse(written);
  if (Number.isNaN(time)) return null;
  return date ? written : new Date(time).toISOString();
}
