import { useEffect, useState } from "react";
import type { Client } from "./client.ts";
import type { EventsOptions, RunProgress, StreamEvent } from "./events.ts";
import type { StreamState } from "./stream/state.ts";

/** What is followed, and how. A change of any of it begins anew. */
export interface ExecutionEventsOptions
  extends Pick<EventsOptions, "lastEventId" | "since" | "types" | "routes" | "timeoutS"> {
  /** How many of the last events are kept (default 1000). */
  readonly keep?: number | undefined;
}

/** What a component is shown of a stream. */
export interface FollowedStream {
  /** What the stream is doing; null where nothing is followed. Its `error`, once it has ended, is why it could not go on. */
  readonly state: StreamState | null;
}

/** @see useExecutionEvents */
export interface ExecutionEvents extends FollowedStream {
  /** The last events, oldest first. */
  readonly events: readonly StreamEvent[];
  /** How many have come in all. */
  readonly count: number;
}

/** @see useExecutionProgress */
export interface ExecutionProgress extends FollowedStream {
  /** The newest state; null before the first. */
  readonly progress: RunProgress | null;
}

/**
 * Follows an execution's events while the component is mounted; null follows nothing. It is rendered once per frame at
 * most, however many events come.
 */
export function useExecutionEvents(
  client: Client,
  id: string | null | undefined,
  options: ExecutionEventsOptions = {},
): ExecutionEvents {
  const { keep = 1000, ...stream } = options;
  return useFollowed<ExecutionEvents>(
    client,
    id,
    JSON.stringify([keep, stream]),
    NO_EVENTS,
    async (of, signal, change) => {
      const batches = client.executions.eventBatches(of, { ...stream, signal, onState: (state) => change({ state }) });
      for await (const batch of batches) {
        change((before) => ({
          events: lastOf([...before.events, ...batch], keep),
          count: before.count + batch.length,
        }));
        await nextFrame();
      }
    },
  );
}

/** Follows an execution's progress while the component is mounted; null follows nothing. */
export function useExecutionProgress(
  client: Client,
  id: string | null | undefined,
  options: Pick<EventsOptions, "timeoutS"> = {},
): ExecutionProgress {
  return useFollowed<ExecutionProgress>(
    client,
    id,
    JSON.stringify(options),
    NO_PROGRESS,
    async (of, signal, change) => {
      const states = client.executions.progress(of, { ...options, signal, onState: (state) => change({ state }) });
      for await (const progress of states) change({ progress });
    },
  );
}

const NO_EVENTS: ExecutionEvents = { events: [], count: 0, state: null };
const NO_PROGRESS: ExecutionProgress = { progress: null, state: null };

type Change<T> = (change: Partial<T> | ((before: T) => Partial<T>)) => void;

function useFollowed<T extends FollowedStream>(
  client: Client,
  id: string | null | undefined,
  options: string,
  empty: T,
  follow: (id: string, signal: AbortSignal, change: Change<T>) => Promise<void>,
): T {
  const [shown, show] = useState<{ readonly of: object; readonly value: T } | null>(null);
  // What is shown belongs to what was followed then: after a change there is nothing yet.
  const [followed, setFollowed] = useState({ client, id, options });
  const same = followed.client === client && followed.id === id && followed.options === options;
  const of = same ? followed : { client, id, options };
  if (!same) setFollowed(of);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `of` stands for all that `follow` closes over
  useEffect(() => {
    if (of.id === null || of.id === undefined) return;
    const stop = new AbortController();
    let value = empty;
    const change: Change<T> = (next) => {
      if (stop.signal.aborted) return;
      value = { ...value, ...(typeof next === "function" ? next(value) : next) };
      show({ of, value });
    };
    // What it fails with is in its last state.
    follow(of.id, stop.signal, change).catch(() => undefined);
    return () => stop.abort();
  }, [of]);

  return shown?.of === of ? shown.value : empty;
}

function lastOf<T>(items: T[], keep: number): T[] {
  return items.length > keep ? items.slice(items.length - keep) : items;
}

/** Resolves with the next frame; in a page that is not shown, where there is none, after a while. */
function nextFrame(): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, 250);
    // The types at hand are those of Node, which draws nothing.
    const page = globalThis as { requestAnimationFrame?(drawn: () => void): void };
    page.requestAnimationFrame?.(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
