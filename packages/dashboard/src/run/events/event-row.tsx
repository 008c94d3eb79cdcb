import { formatClock, formatDuration } from "../../format/time.ts";
import type { LogEntry } from "./event-log.ts";
import classes from "./event-row.module.css";

/** Pixels. */
export const EVENT_ROW_HEIGHT = 28;

/** An event in a line. */
export function EventRow({ entry }: { entry: LogEntry | undefined }) {
  if (entry === undefined) return <div className={classes.row} />;
  if (entry.type === "gap")
    return (
      <div className={classes.row}>
        <span className={classes.gap}>Events before here are older than the service keeps them.</span>
      </div>
    );
  return (
    <div className={classes.row}>
      <Time of={entry.timestamp} />
      <span className={classes.type} data-type={entry.type}>
        {entry.type}
      </span>
      <span className={classes.route}>{entry.route}</span>
      <span className={classes.what}>{describe(entry)}</span>
      <span className={classes.message}>{entry.message_id.slice(-12)}</span>
    </div>
  );
}

/** The hour gives way on narrow screens. */
function Time({ of }: { of: string }) {
  const clock = formatClock(of);
  const hour = clock.indexOf(":") + 1;
  return (
    <span className={classes.time}>
      <span className={classes.hour}>{clock.slice(0, hour)}</span>
      {clock.slice(hour)}
    </span>
  );
}

function describe(entry: Exclude<LogEntry, { type: "gap" }>): string {
  const again = entry.attempt > 1 ? `attempt ${entry.attempt}` : "";
  switch (entry.type) {
    case "initiated":
      return again;
    case "processing":
      return join(entry.adapter, again);
    case "completed": {
      const emitted = Object.entries(entry.emitted).map(([route, count]) => `${count} to ${route}`);
      return join(formatDuration(entry.duration_ms), emitted.join(", "), again);
    }
    case "failed":
      return join(
        entry.adapter ?? "",
        `${entry.error.code}: ${entry.error.message}`,
        entry.will_retry ? "will be retried" : "for good",
        again,
      );
  }
}

function join(...parts: string[]): string {
  return parts.filter((part) => part !== "").join(" · ");
}
