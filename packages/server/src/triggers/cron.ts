import type { CronSpec } from "@millrace/protocol";
import { Cron } from "croner";

/**
 * Reads an expression. A time that its zone's clock leaves out is due right after the gap; one that the clock shows twice
 * is due the first time, but for expressions that are due every hour, or more often.
 * @throws Error with what is wrong with the expression or the zone, for a person
 */
export function readCron({ expression, time_zone: timezone }: Pick<CronSpec, "expression" | "time_zone">): Cron {
  if (!isTimeZone(timezone)) throw new Error(`"${timezone}" is no time zone; one is named as Europe/Berlin`);
  try {
    return new Cron(expression, { timezone, paused: true, mode: "5-part" });
  } catch (error) {
    throw new Error(`the expression cannot be read: ${messageOf(error)}`);
  }
}

/** When it is due next after a time; null where it never is again. Both in epoch ms. */
export function nextDue(spec: CronSpec, after: number): number | null {
  return readCron(spec).nextRun(new Date(after))?.getTime() ?? null;
}

/** The last time that it was due from `first`, which is one, up to `now`. */
export function lastDue(spec: CronSpec, first: number, now: number): number {
  const [last] = readCron(spec).previousRuns(1, new Date(now + 1));
  return Math.max(first, last?.getTime() ?? first);
}

/** What `{date}` and `{time}` of a tag are at a time, in a zone: `2026-03-29` and `023000`. */
export function dateAndTime(at: number, timeZone: string): { readonly date: string; readonly time: string } {
  const parts = new Intl.DateTimeFormat("sv-SE", {
    timeZone,
    dateStyle: "short",
    timeStyle: "medium",
  })
    .format(at)
    .split(" ");
  const [date = "", time = ""] = parts;
  return { date, time: time.replaceAll(":", "") };
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/^Cron\w+: /, "");
}
