import type { EndData, ExecutionEvent, GapData, ProgressData } from "@millrace/protocol";
import type { EventSourceMessage } from "eventsource-parser";
import { type Api, queryText } from "./request.ts";
import { type FollowOptions, follow, oneByOne, type StreamSource } from "./stream/follow.ts";

/** Retention has removed the events before `resumes_after`. */
export type GapEvent = GapData & { readonly type: "gap"; readonly id: string };

/** The service ended the connection, and says why. Whatever the reason, the iterator does what there is to be done. */
export type EndEvent = EndData & { readonly type: "end"; readonly id: string };

/** What an execution's stream brings, told apart by `type`. `id` is where to resume right behind it. */
export type StreamEvent = (ExecutionEvent & { readonly id: string }) | GapEvent | EndEvent;

/** The state of a run. `id` is that of the last event that it tells of. */
export type RunProgress = ProgressData & { readonly type: "progress"; readonly id: string };

/** How a run's progress is followed. */
export interface ProgressOptions extends FollowOptions {
  /** How long each connection may last, in seconds (1…3600, default 300); the stream goes on over as many as it takes. */
  readonly timeoutS?: number | undefined;
}

/** How events are followed. */
export interface EventsOptions extends ProgressOptions {
  /** Continues right after this id. */
  readonly lastEventId?: string | undefined;
  /** `now` begins with what happens from now on; without it, with the first event. */
  readonly since?: "now" | undefined;
  /** Only events of these types. */
  readonly types?: readonly ExecutionEvent["type"][] | undefined;
  /** Only events of messages of these routes. */
  readonly routes?: readonly string[] | undefined;
}

/** Whose events, by which path. */
export interface Followed {
  readonly path: string;
  /** With several executions in one connection: their ids or tags. */
  readonly ids: readonly string[] | null;
}

/** The events of executions, as batches of what has come. */
export function eventBatches(api: Api, of: Followed, options: EventsOptions): AsyncGenerator<StreamEvent[]> {
  const query = { types: options.types?.join(","), route: options.routes?.join(","), timeout: options.timeoutS };
  const source: StreamSource<StreamEvent> = {
    open: (cursor, signal) =>
      open(api, of, { ...query, since: cursor === null ? options.since : undefined }, cursor, signal),
    decode: toEvent,
    isLast: lastOf(of),
  };
  return follow(source, options, options.lastEventId ?? null);
}

/** The events of executions, one by one. */
export function events(api: Api, of: Followed, options: EventsOptions): AsyncGenerator<StreamEvent> {
  return oneByOne(eventBatches(api, of, options));
}

/** The states of executions as they change, the last as it stays. */
export async function* progress(api: Api, of: Followed, options: ProgressOptions): AsyncGenerator<RunProgress> {
  const source: StreamSource<RunProgress> = {
    // A stream of states begins with the newest, wherever the one before it broke off.
    open: (_, signal) => open(api, of, { view: "progress", timeout: options.timeoutS }, null, signal),
    decode: toProgress,
    isLast: lastOf(of),
  };
  for await (const batch of follow(source, options, null)) {
    for (const each of batch) if (each.type === "progress") yield each;
  }
}

function open(api: Api, of: Followed, query: object, cursor: string | null, signal: AbortSignal): Promise<Response> {
  const ids = of.ids === null ? {} : { execution_id: of.ids };
  return api.send(of.path + queryText({ ...ids, ...query }), {
    headers: { accept: "text/event-stream", ...(cursor === null ? {} : { "last-event-id": cursor }) },
    cache: "no-store",
    signal,
  });
}

/** Ends that leave something to come back for are `timeout`, `shutdown` and `interrupted`. */
function lastOf({ ids }: Followed): (end: EndEvent) => boolean {
  const over = new Set<string>();
  const wanted = new Set(ids).size;
  return (end) => {
    if (end.reason !== "completed" && end.reason !== "failed" && end.reason !== "cancelled") return false;
    if (ids === null) return true;
    if (end.execution_id !== undefined) over.add(end.execution_id);
    return over.size >= wanted;
  };
}

/** Null for types that this client does not know. The contract says what each type's data is. */
function toEvent(message: EventSourceMessage): StreamEvent | null {
  switch (message.event) {
    case "initiated":
    case "processing":
    case "completed":
    case "failed": {
      // Its data has its type already. Added to, and not copied: there may be millions.
      const event = JSON.parse(message.data) as ExecutionEvent & { id: string };
      event.id = message.id ?? "";
      return event;
    }
    case "gap":
      return { type: "gap", id: message.id ?? "", ...(JSON.parse(message.data) as GapData) };
    default:
      return toEnd(message);
  }
}

function toProgress(message: EventSourceMessage): RunProgress | EndEvent | null {
  if (message.event !== "progress") return toEnd(message);
  return { type: "progress", id: message.id ?? "", ...(JSON.parse(message.data) as ProgressData) };
}

function toEnd(message: EventSourceMessage): EndEvent | null {
  if (message.event !== "end") return null;
  return { type: "end", id: message.id ?? "", ...(JSON.parse(message.data) as EndData) };
}
