import { useSyncExternalStore } from "react";
import { formatAgo, formatTime } from "../format/time.ts";

/** A moment as "3 min ago", the moment itself when it is pointed at. */
export function TimeAgo({ time }: { time: string }) {
  const now = useSyncExternalStore(onSecond, currentSecond);
  return (
    <time dateTime={time} title={formatTime(time)} className="figure">
      {formatAgo(Date.parse(time), now)}
    </time>
  );
}

/** The current time, in milliseconds, anew every second; one timer serves all that show it. */
export function useNow(): number {
  return useSyncExternalStore(onSecond, currentSecond);
}

const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function onSecond(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    for (const each of listeners) each();
  }, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

function currentSecond(): number {
  return Math.floor(Date.now() / 1000) * 1000;
}
