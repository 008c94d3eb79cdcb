import { createParser, type EventSourceMessage } from "eventsource-parser";
import { ApiError, toApiError } from "../api-error.ts";
import { Inbox } from "./inbox.ts";
import { StreamBroken } from "./state.ts";
import { Turn } from "./turn.ts";
import { onWake } from "./wake.ts";

/** A connection that brings nothing for so long is dead: the service sends a heartbeat every 15 seconds. */
const SILENCE_MS = 45_000;

/** As long as this a living connection is never silent; only a page that was away has reason to be so strict. */
const HEARTBEAT_MS = 20_000;

/** By the clock on the wall: a machine that sleeps stops its timers, and their time. */
const CHECK_MS = 5_000;

/** What one connection needs. */
export interface ConnectionOptions<T> {
  /** Sends the request. */
  open(signal: AbortSignal): Promise<Response>;
  /** Null for what is not known. */
  decode(message: EventSourceMessage): T | null;
  readonly signal: AbortSignal | undefined;
  onOpen(): void;
}

/**
 * One connection, from its request to its end: all that has come, each time that more is asked for.
 * Returns false where there is nothing more to come (204).
 * @throws StreamBroken, ApiError; the signal's reason
 */
export async function* readConnection<T>(options: ConnectionOptions<T>): AsyncGenerator<T[], boolean> {
  const inbox = new Inbox<T>();
  const request = new AbortController();
  let heardAt = Date.now();
  const fail = (error: Error) => {
    inbox.close(error);
    request.abort(error);
  };
  const check = (limitMs: number, error: StreamBroken) => {
    // What is not read is not silent.
    if (!inbox.isFull && Date.now() - heardAt > limitMs) fail(error);
  };
  const timer = setInterval(() => check(SILENCE_MS, silent()), CHECK_MS);
  const stopWaking = onWake((cut) => check(cut ? -1 : HEARTBEAT_MS, woken()));
  const stop = () => fail(asError(options.signal?.reason));
  options.signal?.addEventListener("abort", stop);
  if (options.signal?.aborted) stop();
  const hear = () => {
    heardAt = Date.now();
  };
  try {
    const response = await open(options, request.signal);
    if (response === null) return false;
    hear();
    options.onOpen();
    // Its failures reach whoever takes from the inbox.
    void pump(response, options.decode, inbox, hear);
    for (let batch = await inbox.take(); batch !== null; batch = await inbox.take()) yield batch;
    return true;
  } finally {
    clearInterval(timer);
    stopWaking();
    options.signal?.removeEventListener("abort", stop);
    inbox.close(null);
    request.abort();
  }
}

/** Null: there is nothing more to come. */
async function open<T>(options: ConnectionOptions<T>, signal: AbortSignal): Promise<Response | null> {
  let response: Response;
  try {
    response = await options.open(signal);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw new StreamBroken("unreachable", `There is no answer: ${asError(error).message}`, error);
  }
  if (response.status === 204) return null;
  if (!response.ok) throw await toApiError(response);
  const type = response.headers.get("content-type") ?? "";
  // A page of something else that listens there, or of a network that wants to be paid first.
  if (/^(text\/html|application\/json)\b/i.test(type))
    throw new ApiError(0, `What answers is no event stream, but ${type}. Is the address right?`);
  return response;
}

async function pump<T>(
  response: Response,
  decode: (message: EventSourceMessage) => T | null,
  inbox: Inbox<T>,
  hear: () => void,
): Promise<void> {
  const turn = new Turn();
  let items: T[] = [];
  const parser = createParser({
    onEvent(message) {
      const item = decode(message);
      if (item !== null) items.push(item);
    },
  });
  try {
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await reader?.read(); part !== undefined && !part.done; part = await reader?.read()) {
      hear();
      if (turn.isOver) await turn.next();
      parser.feed(part.value);
      const put = inbox.put(items);
      items = [];
      await put;
      // While there was no room nothing was read, and so nothing could be heard.
      hear();
    }
    inbox.close(null);
  } catch (error) {
    inbox.close(new StreamBroken("cut", `The connection broke off: ${asError(error).message}`, error));
  }
}

function silent(): StreamBroken {
  return new StreamBroken("silent", "The connection has gone silent.");
}

function woken(): StreamBroken {
  return new StreamBroken("woken", "The page was away, and the connection may not have lived through it.");
}

/** What was thrown, as an error. */
export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
