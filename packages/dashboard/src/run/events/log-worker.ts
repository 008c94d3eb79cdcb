import { createClient, type StreamEvent, type StreamState } from "@millrace/client";
import { EventLog, type LogEntry } from "./event-log.ts";
import type { FromLog, LogFilters, ToLog } from "./log-messages.ts";

// Reads a run's events and holds them, beside the page: a million of them must not keep it from answering.

/** How often the page is told of what has come, in milliseconds. */
const TELL_EVERY_MS = 100;
/** More than a screen shows. */
const NEWEST = 200;
/** Events kept here, in bytes; others are read again. */
const BUDGET = 64 * 1024 * 1024;
/** An event that is older than this when it comes is one of the past, in milliseconds. */
const LIVE_WITHIN_MS = 5_000;
/** What was still coming in is looked at again after so long, in milliseconds: nothing more may come that would tell. */
const LOOK_AGAIN_MS = 1_000;

let baseUrl = "";
let runId = "";
let filters: LogFilters = { types: [], routes: [], text: "" };
let log = new EventLog(readPage, BUDGET);
let following: AbortController | null = null;
let stream: StreamState | null = null;
let cursor: string | null = null;
let newestAt = 0;
let skipped = false;
let isTelling = false;
let lookingAgain: ReturnType<typeof setTimeout> | undefined;

self.addEventListener("message", ({ data }: MessageEvent<ToLog>) => {
  switch (data.kind) {
    case "follow":
      ({ baseUrl, runId, filters } = data);
      begin(null);
      break;
    case "skip":
      begin("now");
      skipped = true;
      break;
    case "resume":
      if (following === null) void follow();
      break;
    case "pause":
      following?.abort();
      following = null;
      break;
    case "slice":
      void answer(data.request, data.from, data.to);
      break;
  }
});

/** Starts with an empty log. */
function begin(since: "now" | null): void {
  following?.abort();
  following = null;
  log = new EventLog(readPage, BUDGET);
  cursor = null;
  newestAt = 0;
  skipped = false;
  void follow(since);
}

async function follow(since: "now" | null = null): Promise<void> {
  const own = new AbortController();
  following = own;
  const batches = createClient({ baseUrl }).executions.eventBatches(runId, {
    ...chosen(),
    lastEventId: cursor ?? undefined,
    since: since ?? undefined,
    signal: own.signal,
    onState(state) {
      if (following !== own && following !== null) return;
      stream = own.signal.aborted ? null : state;
      tell();
    },
  });
  try {
    for await (const batch of batches) take(batch);
  } catch {
    // The state says why.
  }
}

/** The service chooses by type and route; by text it is done here. */
function chosen() {
  return {
    types: filters.types.length === 0 ? undefined : filters.types,
    routes: filters.routes.length === 0 ? undefined : filters.routes,
  };
}

function take(batch: readonly StreamEvent[]): void {
  for (const event of batch) {
    if (event.id !== "") cursor = event.id;
    if ("timestamp" in event) newestAt = Date.parse(event.timestamp);
  }
  log.append(batch.filter(isShown));
  tell();
}

function isShown(event: StreamEvent): event is LogEntry {
  if (event.type === "end") return false;
  return filters.text === "" || JSON.stringify(event).toLowerCase().includes(filters.text.toLowerCase());
}

async function readPage(after: string | null, last: string): Promise<LogEntry[]> {
  const found: LogEntry[] = [];
  const batches = createClient({ baseUrl }).executions.eventBatches(runId, {
    ...chosen(),
    lastEventId: after ?? undefined,
  });
  for await (const batch of batches) {
    for (const event of batch) {
      if (isShown(event)) found.push(event);
      if (event.id === last) return found;
    }
  }
  return found;
}

async function answer(request: number, from: number, to: number): Promise<void> {
  try {
    send({ kind: "slice", request, from, entries: await log.slice(from, to) });
  } catch (error) {
    send({ kind: "problem", request, message: error instanceof Error ? error.message : String(error) });
  }
}

function tell(): void {
  if (isTelling) return;
  isTelling = true;
  setTimeout(() => {
    isTelling = false;
    const isOfThePast = newestAt !== 0 && Date.now() - newestAt > LIVE_WITHIN_MS;
    const behind = stream?.state === "connected" && isOfThePast && isComing();
    clearTimeout(lookingAgain);
    if (behind) lookingAgain = setTimeout(tell, LOOK_AGAIN_MS);
    send({
      kind: "state",
      total: log.total,
      newest: log.newest(NEWEST),
      stream,
      behind,
      skipped,
    });
  }, TELL_EVERY_MS);
}

let totalBefore = 0;

/** A run that is quiet for a while is no run that is being caught up with. */
function isComing(): boolean {
  const coming = log.total !== totalBefore;
  totalBefore = log.total;
  return coming;
}

function send(message: FromLog): void {
  self.postMessage(message);
}
