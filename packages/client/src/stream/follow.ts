import type { EventSourceMessage } from "eventsource-parser";
import { ApiError } from "../api-error.ts";
import type { EndEvent } from "../events.ts";
import { backOffMs, isTemporary, pause } from "./back-off.ts";
import { asError, readConnection } from "./connection.ts";
import { type ReconnectReason, StreamBroken, type StreamState } from "./state.ts";
import { Turn } from "./turn.ts";

/** What a stream consists of, and where it comes from. */
export interface StreamSource<T> {
  /** Sends the request for what comes after a cursor; null: from the beginning. */
  open(cursor: string | null, signal: AbortSignal): Promise<Response>;
  /** Null for types that this client does not know. */
  decode(message: EventSourceMessage): T | EndEvent | null;
  /** Ends after which there is nothing more to come. */
  isLast(end: EndEvent): boolean;
}

/** How any stream is followed. */
export interface FollowOptions {
  /** Stops it: the iterator ends. */
  readonly signal?: AbortSignal | undefined;
  /** Is told what the stream is doing; the last is always `ended`. */
  onState?(state: StreamState): void;
}

/**
 * Follows a stream to its end, over as many connections as it takes: each resumes right after the last id that was
 * handed out, so that every item is seen once. Each batch is all that has come since the one before was taken.
 * @throws ApiError where the service refuses the stream (404, 422, …); what passes (429, 502, 503, 504) is waited for
 */
export async function* follow<T extends { readonly type: string; readonly id: string }>(
  source: StreamSource<T>,
  options: FollowOptions,
  from: string | null,
): AsyncGenerator<(T | EndEvent)[]> {
  const { signal } = options;
  const turn = new Turn();
  let cursor = from;
  let failures = 0;
  let served = false;
  let reason: ReconnectReason | null = null;
  let last: EndEvent | null = null;
  let failure: Error | null = null;
  try {
    while (!signal?.aborted) {
      let end: EndEvent | null = null;
      let error: Error | null = null;
      options.onState?.({ state: "connecting", reason });
      const connection = readConnection<T | EndEvent>({
        open: (stop) => source.open(cursor, stop),
        decode: source.decode,
        signal,
        onOpen: () => {
          served = true;
          options.onState?.({ state: "connected" });
        },
      });
      try {
        let next = await connection.next();
        for (; next.done !== true; next = await connection.next()) {
          if (turn.isOver) await turn.next();
          if (signal?.aborted) return;
          for (const item of next.value) {
            if (isEnd(item)) {
              end = item;
              if (source.isLast(item)) last = item;
            }
            // What is told once more is no progress: an execution that stays interrupted is asked about ever more seldom.
            else if (item.id !== cursor) failures = 0;
            if (item.id !== "") cursor = item.id;
          }
          yield next.value;
          if (last !== null) return;
        }
        if (!next.value) return;
        reason = reasonOf(end);
      } catch (thrown) {
        if (signal?.aborted) return;
        error = asError(thrown);
        if (!passes(error, served)) {
          failure = error;
          throw error;
        }
        reason = error instanceof StreamBroken ? error.reason : "refused";
      } finally {
        await connection.return(true);
      }
      // A page that was away has waited long enough.
      const ms = reason === "woken" && failures === 0 ? 0 : backOffMs(failures, error);
      failures = reason === "timeout" ? 0 : failures + 1;
      options.onState?.({ state: "waiting", ms, reason, error });
      await pause(ms, signal);
    }
  } finally {
    options.onState?.({ state: "ended", end: last, error: failure });
  }
}

/** Hands out what comes in batches one by one, and lets others have the event loop meanwhile. */
export async function* oneByOne<T>(batches: AsyncIterable<readonly T[]>): AsyncGenerator<T> {
  const turn = new Turn();
  for await (const batch of batches) {
    for (const item of batch) {
      if (turn.isOver) await turn.next();
      yield item;
    }
  }
}

function isEnd(item: { readonly type: string }): item is EndEvent {
  return item.type === "end";
}

/** Whether another connection may fare better. Something else that answers, once the service itself has, goes away again. */
function passes(error: Error, served: boolean): boolean {
  if (error instanceof ApiError) return isTemporary(error) || (served && error.status === 0);
  return error instanceof StreamBroken;
}

function reasonOf(end: EndEvent | null): ReconnectReason {
  const reason = end?.reason;
  return reason === "timeout" || reason === "shutdown" || reason === "interrupted" ? reason : "cut";
}
