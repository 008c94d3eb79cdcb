import type { EndData, ExecutionEvent, GapData, ProgressData } from "@millrace/protocol";
import { createParser, type EventSourceMessage } from "eventsource-parser";
import { ApiError, toApiError } from "./api-error.ts";

/** A frame of a stream, by its type. */
export type StreamFrame =
  | { readonly type: "event"; readonly id: string; readonly data: ExecutionEvent; readonly json: string }
  | { readonly type: "progress"; readonly id: string; readonly data: ProgressData; readonly json: string }
  | { readonly type: "gap"; readonly id: string; readonly data: GapData; readonly json: string }
  | { readonly type: "end"; readonly id: string; readonly data: EndData; readonly json: string };

/** What a stream is doing, for whoever shows it. */
export type StreamState =
  | { readonly state: "connecting" | "connected" | "ended" }
  | { readonly state: "waiting"; readonly ms: number; readonly error: Error | null };

/** How a stream is followed. */
export interface EventsOptions {
  /** Continues right after this id. */
  readonly lastEventId?: string;
  /** `now` starts at the live edge. */
  readonly since?: "now";
  /** Only events of these types. */
  readonly types?: readonly ExecutionEvent["type"][];
  /** Only events of messages of these routes. */
  readonly routes?: readonly string[];
  /** `progress`: the state of the run when it changes, at most every 250 ms, in place of its events. */
  readonly view?: "events" | "progress";
  /** How long each connection may last, in seconds (1…3600); the stream goes on over as many as it takes. */
  readonly timeoutS?: number;
  readonly signal?: AbortSignal;
  onState?(state: StreamState): void;
}

/** How a stream reaches the service. */
export interface EventsTransport {
  /** Without a query. */
  readonly url: string;
  /** Repeated on each connection. */
  readonly query: readonly (readonly [string, string])[];
  readonly headers: Readonly<Record<string, string>>;
  readonly fetch: typeof globalThis.fetch;
  /** Ends after which there is nothing more to come. */
  isLast(end: EndData): boolean;
}

/** The wait before another connection, in milliseconds: doubled from the first to the last, and spread at random. */
const FIRST_WAIT_MS = 250;
const LAST_WAIT_MS = 15_000;

/** Statuses that pass: a proxy answers 502 and 504 while the service behind it starts anew. */
const TEMPORARY = new Set([429, 502, 503, 504]);

/** A connection that brings nothing for so long is dead: the service sends a heartbeat every 15 seconds. */
const SILENCE_MS = 45_000;

/**
 * Follows a stream to its end, over as many connections as it takes: each resumes right after the last id that was
 * handed out, so that every event is seen once.
 * @throws ApiError where the service refuses the stream (404, 422, …); temporary refusals (429, 502, 503, 504) are waited for
 */
export async function* followEvents(transport: EventsTransport, options: EventsOptions): AsyncGenerator<StreamFrame> {
  let cursor = options.lastEventId ?? null;
  let failures = 0;
  while (!options.signal?.aborted) {
    let wait = 0;
    let problem: Error | null = null;
    options.onState?.({ state: "connecting" });
    try {
      const response = await connect(transport, options, cursor);
      if (response === null) break;
      options.onState?.({ state: "connected" });
      for await (const frame of readFrames(response, options.signal)) {
        // An end alone is no progress: an execution that stays interrupted is asked about ever more seldom.
        if (frame.type !== "end") failures = 0;
        cursor = frame.id === "" ? cursor : frame.id;
        yield frame;
        if (frame.type === "end" && transport.isLast(frame.data)) {
          options.onState?.({ state: "ended" });
          return;
        }
      }
    } catch (error) {
      if (options.signal?.aborted) break;
      if (error instanceof ApiError && !TEMPORARY.has(error.status)) throw error;
      problem = error instanceof Error ? error : new Error(String(error));
      wait = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
    }
    const backOff = Math.min(LAST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures);
    failures += 1;
    const ms = wait + backOff / 2 + (Math.random() * backOff) / 2;
    options.onState?.({ state: "waiting", ms, error: problem });
    await pause(ms, options.signal);
  }
  options.onState?.({ state: "ended" });
}

/** Null: the cursor is at the end of what is over (204). */
async function connect(
  transport: EventsTransport,
  options: EventsOptions,
  cursor: string | null,
): Promise<Response | null> {
  const query = new URLSearchParams(transport.query.map(([name, value]): [string, string] => [name, value]));
  if (options.since !== undefined && cursor === null) query.set("since", options.since);
  if (options.types !== undefined) query.set("types", options.types.join(","));
  if (options.routes !== undefined) query.set("route", options.routes.join(","));
  if (options.view !== undefined) query.set("view", options.view);
  if (options.timeoutS !== undefined) query.set("timeout", String(options.timeoutS));
  const search = query.toString();
  const response = await transport.fetch(search === "" ? transport.url : `${transport.url}?${search}`, {
    headers: {
      ...transport.headers,
      accept: "text/event-stream",
      ...(cursor === null ? {} : { "last-event-id": cursor }),
    },
    cache: "no-store",
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  if (response.status === 204) return null;
  if (!response.ok) throw await toApiError(response);
  return response;
}

async function* readFrames(response: Response, signal: AbortSignal | undefined): AsyncGenerator<StreamFrame> {
  const messages: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (message) => messages.push(message) });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (reader === undefined) return;
  try {
    while (true) {
      const { done, value } = await withinSilence(reader.read(), signal);
      if (done) return;
      parser.feed(value);
      for (const message of messages.splice(0)) {
        const frame = toFrame(message);
        if (frame !== null) yield frame;
      }
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

async function withinSilence<T>(read: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let onAbort = () => {};
  try {
    return await Promise.race([
      read,
      new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error("The connection has gone silent.")), SILENCE_MS);
        onAbort = () => reject(signal?.reason);
        signal?.addEventListener("abort", onAbort, { once: true });
      }),
    ]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}

/** Null for types that this client does not know. */
function toFrame(message: EventSourceMessage): StreamFrame | null {
  const id = message.id ?? "";
  // The contract says what each type's data is.
  switch (message.event) {
    case "initiated":
    case "processing":
    case "completed":
    case "failed":
      return { type: "event", id, data: JSON.parse(message.data) as ExecutionEvent, json: message.data };
    case "progress":
      return { type: "progress", id, data: JSON.parse(message.data) as ProgressData, json: message.data };
    case "gap":
      return { type: "gap", id, data: JSON.parse(message.data) as GapData, json: message.data };
    case "end":
      return { type: "end", id, data: JSON.parse(message.data) as EndData, json: message.data };
    default:
      return null;
  }
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    }
    signal?.addEventListener("abort", done, { once: true });
    if (signal?.aborted) done();
  });
}
