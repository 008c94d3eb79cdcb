import type { StreamState } from "@millrace/client";
import { useEffect, useMemo, useRef, useState } from "react";
import { useWhileVisible } from "../../live/use-while-visible.ts";
import type { LogEntry } from "./event-log.ts";
import type { FromLog, LogFilters, ToLog } from "./log-messages.ts";

/** A run's events, as far as they have come. */
export interface LiveLog {
  readonly total: number;
  readonly stream: StreamState | null;
  readonly behind: boolean;
  /** What came before was left out. */
  readonly skipped: boolean;
  /** The entry at an index; undefined while it is not here. `want` makes it come. */
  at(index: number): LogEntry | undefined;
  /** What is looked at: from one index up to another. */
  want(from: number, to: number): void;
  /** Leaves out what has happened, and goes on with what happens now. */
  skip(): void;
  /** Begins with the first event again. */
  restart(): void;
}

/** Entries of the page's own, so that it can draw without asking. */
const HELD = 4_000;

/** Follows a run's events in a worker, for as long as the component is shown. */
export function useEventLog(runId: string, filters: LogFilters): LiveLog {
  const [state, setState] = useState<Omit<Extract<FromLog, { kind: "state" }>, "kind" | "newest">>(NOTHING);
  const [, redraw] = useState(0);
  const entries = useRef(new Map<number, LogEntry>());
  const worker = useRef<Worker | null>(null);
  const asked = useRef({ request: 0, from: -1, to: -1 });
  const key = JSON.stringify([runId, filters]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `key` stands for the run and the filters.
  useEffect(() => {
    const own = new Worker(new URL("./log-worker.ts", import.meta.url), { type: "module" });
    worker.current = own;
    entries.current.clear();
    asked.current = { request: asked.current.request + 1, from: -1, to: -1 };
    setState(NOTHING);
    own.addEventListener("message", ({ data }: MessageEvent<FromLog>) => {
      if (data.kind === "state") {
        const { kind: _, newest, ...told } = data;
        hold(entries.current, told.total - newest.length, newest);
        setState(told);
      } else if (data.request === asked.current.request) {
        if (data.kind === "slice") hold(entries.current, data.from, data.entries);
        else asked.current.from = -1;
        redraw((count) => count + 1);
      }
    });
    tell(own, { kind: "follow", baseUrl: window.location.origin, runId, filters });
    return () => own.terminate();
  }, [key]);

  useWhileVisible(async (signal) => {
    const own = worker.current;
    if (own === null) return;
    tell(own, { kind: "resume" });
    signal.addEventListener("abort", () => tell(own, { kind: "pause" }));
  }, key);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `key` stands for the run and the filters.
  const calls = useMemo(
    () => ({
      at: (index: number) => entries.current.get(index),
      want(from: number, to: number) {
        let lacking = false;
        for (let index = from; index < to && !lacking; index += 1) lacking = !entries.current.has(index);
        if (!lacking || worker.current === null) return;
        if (from >= asked.current.from && to <= asked.current.to) return;
        const around = to - from;
        const next = { request: asked.current.request + 1, from: Math.max(0, from - around), to: to + around };
        asked.current = next;
        tell(worker.current, { kind: "slice", ...next });
      },
      skip() {
        begin({ kind: "skip" });
      },
      restart() {
        begin({ kind: "follow", baseUrl: window.location.origin, runId, filters });
      },
    }),
    [key],
  );

  function begin(how: ToLog): void {
    entries.current.clear();
    asked.current = { request: asked.current.request + 1, from: -1, to: -1 };
    if (worker.current !== null) tell(worker.current, how);
  }

  return { ...state, ...calls };
}

const NOTHING = { total: 0, stream: null, behind: false, skipped: false };

function tell(worker: Worker, message: ToLog): void {
  worker.postMessage(message);
}

/** Holds entries by their index; the oldest that were told of make room. */
function hold(held: Map<number, LogEntry>, from: number, entries: readonly LogEntry[]): void {
  for (const [offset, entry] of entries.entries()) {
    held.delete(from + offset);
    held.set(from + offset, entry);
  }
  for (const index of held.keys()) {
    if (held.size <= HELD) return;
    held.delete(index);
  }
}
