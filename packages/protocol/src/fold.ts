import { addDuration, type Durations, emptyDurations } from "./durations.ts";
import type { CompletedEvent, ExecutionEvent, FailedEvent, ProcessingEvent } from "./event.ts";
import { addToTimeline, emptyTimeline, type Timeline } from "./timeline.ts";
import { addUsage, noUsage } from "./usage.ts";
import type { Usage } from "./usage-schema.ts";

/** What is known of one adapter of a route. */
export interface AdapterProgress {
  name: string;
  /** Times that it ran: once per message and attempt. */
  runs: number;
  /** Attempts that failed in it. */
  failures: number;
  /** From its `processing` to the message's next event. */
  durations: Durations;
  /** What it used of models; left out where it used none. */
  usage?: Usage;
}

/** What is known of one route. */
export interface RouteProgress {
  /** Messages that were put into its queue, as far as events tell. */
  announced: number;
  /** Messages taken and not settled yet. */
  inFlight: number;
  /** Messages that failed and wait for another attempt. */
  retrying: number;
  /** Messages that had failed for good, were taken back to be retried, and have not been taken since. */
  requeued: number;
  completed: number;
  failed: number;
  /** Attempts that failed and were retried. */
  retries: number;
  /** Of completed messages, from `initiated`. */
  durations: Durations;
  /** By place in the chain. */
  adapters: Record<number, AdapterProgress>;
}

/** A message that was taken and is not settled. */
export interface OpenMessage {
  route: string;
  attempt: number;
  /** False while it waits for its next attempt. */
  inFlight: boolean;
  /** The last adapter that began on it, and when (epoch ms); -1 before the first. */
  adapterIndex: number;
  adapterSince: number;
  /** Places of the adapters that began on it in this attempt. */
  ran: number[];
  /** Children that were taken before this message was settled, and so before its `emitted` told of them. */
  early: Record<string, number> | null;
}

/**
 * The state of an execution, as its journal tells it.
 *
 * `outstanding` is zero exactly when every message that was ever announced is settled: an unsettled message counts
 * itself, so children that it has not told of yet cannot make the execution look finished.
 */
export interface Progress {
  outstanding: number;
  announced: number;
  completed: number;
  failed: number;
  /** First messages that were announced and have not been taken yet. */
  rootsAhead: number;
  /** Epoch ms of the first and the last event; null before any. */
  firstEventAt: number | null;
  lastEventAt: number | null;
  /** Messages settled, over time. */
  timeline: Timeline;
  routes: Record<string, RouteProgress>;
  /** Messages that went from one route to another, as far as settled messages tell: by the first, then the second. */
  sent: Record<string, Record<string, number>>;
  /** Unsettled messages that were taken at least once, by id. Bounded by what may be in flight or wait for a retry. */
  open: Map<string, OpenMessage>;
}

/**
 * The state before any event. `first` is the route of the execution's first message, or how many first messages there
 * are per route, where the caller knows (the engine does; a client of the stream learns of each from its `initiated`).
 */
export function emptyProgress(first: string | null | Readonly<Record<string, number>> = null): Progress {
  const progress: Progress = {
    outstanding: 0,
    announced: 0,
    completed: 0,
    failed: 0,
    rootsAhead: 0,
    firstEventAt: null,
    lastEventAt: null,
    timeline: emptyTimeline(),
    routes: record(),
    sent: record(),
    open: new Map(),
  };
  for (const [route, count] of Object.entries(typeof first === "string" ? { [first]: 1 } : (first ?? {}))) {
    announce(progress, route, count);
    progress.rootsAhead += count;
  }
  return progress;
}

/**
 * Messages that had failed for good are taken back, to be retried in the same execution: so many per route. They are
 * outstanding again, and not failed any more. Whoever is not told of it finds out when such a message is taken.
 */
export function foldRequeued(progress: Progress, routes: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(routes)) requeue(progress, routeOf(progress, name), count);
}

/** The execution is over: what was taken back and not taken again is failed, as it was before. */
export function foldEnded(progress: Progress): void {
  for (const route of Object.values(progress.routes)) requeue(progress, route, -route.requeued);
}

/** Applies one event, in place (a journal has millions), and returns the state. Events come in the journal's order. */
export function foldEvent(progress: Progress, event: ExecutionEvent): Progress {
  const at = timeOf(event.timestamp);
  progress.firstEventAt ??= at;
  progress.timeline.start ??= at;
  progress.lastEventAt = at;
  switch (event.type) {
    case "initiated": {
      const route = routeOf(progress, event.route);
      let open = progress.open.get(event.message_id);
      if (open === undefined) {
        if (event.attempt === 1) announceEarly(progress, event.route, event.parent_message_id);
        else takeRequeued(progress, route);
        open = {
          route: event.route,
          attempt: event.attempt,
          inFlight: true,
          adapterIndex: -1,
          adapterSince: at,
          ran: [],
          early: null,
        };
        progress.open.set(event.message_id, open);
      } else {
        if (!open.inFlight) route.retrying -= 1;
        open.inFlight = true;
        open.attempt = event.attempt;
        open.adapterIndex = -1;
        open.ran = [];
      }
      route.inFlight += 1;
      break;
    }
    case "processing":
      applyProcessing(progress, event, at);
      break;
    case "completed": {
      const route = routeOf(progress, event.route);
      closeAdapter(route, progress.open.get(event.message_id), at);
      if (event.usage !== undefined) addStepUsage(route, event.usage);
      settle(progress, route, event);
      route.completed += 1;
      progress.completed += 1;
      addToTimeline(progress.timeline, "completed", at);
      addDuration(route.durations, event.duration_ms);
      break;
    }
    case "failed":
      applyFailed(progress, event, at);
      break;
  }
  return progress;
}

function applyProcessing(progress: Progress, event: ProcessingEvent, at: number): void {
  const route = routeOf(progress, event.route);
  const open = progress.open.get(event.message_id);
  closeAdapter(route, open, at);
  if (open !== undefined) {
    open.adapterIndex = event.adapter_index;
    open.adapterSince = at;
    open.ran.push(event.adapter_index);
  }
  adapterOf(route, event.adapter_index, event.adapter).runs += 1;
}

function applyFailed(progress: Progress, event: FailedEvent, at: number): void {
  const route = routeOf(progress, event.route);
  const open = progress.open.get(event.message_id);
  closeAdapter(route, open, at);
  if (event.adapter_index !== undefined && event.adapter !== undefined) {
    adapterOf(route, event.adapter_index, event.adapter).failures += 1;
  }
  if (event.usage !== undefined) addStepUsage(route, event.usage);
  if (event.will_retry) {
    route.retries += 1;
    if (open?.inFlight) {
      open.inFlight = false;
      route.inFlight -= 1;
      route.retrying += 1;
    }
    return;
  }
  settle(progress, route, event);
  route.failed += 1;
  progress.failed += 1;
  addToTimeline(progress.timeline, "failed", at);
}

function addStepUsage(route: RouteProgress, usage: NonNullable<CompletedEvent["usage"]>): void {
  for (const step of usage) {
    const adapter = adapterOf(route, step.adapter_index, step.adapter);
    adapter.usage = addUsage(adapter.usage ?? noUsage(), step);
  }
}

function settle(progress: Progress, route: RouteProgress, event: CompletedEvent | FailedEvent): void {
  const open = progress.open.get(event.message_id);
  for (const name in event.emitted) {
    const count = event.emitted[name];
    if (count === undefined) continue;
    const from = progress.sent[event.route] ?? record<number>();
    from[name] = (from[name] ?? 0) + count;
    progress.sent[event.route] = from;
    announce(progress, name, count);
  }
  // Those that were counted as they were taken: also children of an earlier attempt, told of when that one had failed.
  for (const name in open?.early) announce(progress, name, -(open.early[name] ?? 0));
  if (open !== undefined) {
    if (open.inFlight) route.inFlight -= 1;
    else route.retrying -= 1;
    progress.open.delete(event.message_id);
  }
  progress.outstanding -= 1;
}

/** A message that was taken before its parent told of it: counted now, and not again when the parent is settled. */
function announceEarly(progress: Progress, route: string, parentId: string | null): void {
  if (parentId === null) {
    if (progress.rootsAhead > 0) progress.rootsAhead -= 1;
    else announce(progress, route, 1);
    return;
  }
  const parent = progress.open.get(parentId);
  if (parent === undefined) return;
  parent.early ??= record();
  parent.early[route] = (parent.early[route] ?? 0) + 1;
  announce(progress, route, 1);
}

/** A message that had failed for good is taken again. */
function takeRequeued(progress: Progress, route: RouteProgress): void {
  // Whoever came late has not seen it fail.
  if (route.requeued === 0 && route.failed > 0) requeue(progress, route, 1);
  if (route.requeued > 0) route.requeued -= 1;
}

function requeue(progress: Progress, route: RouteProgress, count: number): void {
  route.requeued += count;
  route.failed -= count;
  progress.failed -= count;
  progress.outstanding += count;
}

function announce(progress: Progress, route: string, count: number): void {
  routeOf(progress, route).announced += count;
  progress.announced += count;
  progress.outstanding += count;
}

function closeAdapter(route: RouteProgress, open: OpenMessage | undefined, at: number): void {
  if (open === undefined || open.adapterIndex < 0) return;
  const adapter = route.adapters[open.adapterIndex];
  if (adapter !== undefined) addDuration(adapter.durations, Math.max(0, at - open.adapterSince));
  open.adapterIndex = -1;
}

function routeOf(progress: Progress, name: string): RouteProgress {
  let route = progress.routes[name];
  if (route === undefined) {
    route = {
      announced: 0,
      inFlight: 0,
      retrying: 0,
      requeued: 0,
      completed: 0,
      failed: 0,
      retries: 0,
      durations: emptyDurations(),
      adapters: record(),
    };
    progress.routes[name] = route;
  }
  return route;
}

function adapterOf(route: RouteProgress, index: number, name: string): AdapterProgress {
  let adapter = route.adapters[index];
  if (adapter === undefined) {
    adapter = { name, runs: 0, failures: 0, durations: emptyDurations() };
    route.adapters[index] = adapter;
  }
  return adapter;
}

let lastTimestamp = "";
let lastTime = Number.NaN;

/** Epoch ms. Many events in a row happen in the same millisecond, so the last one is remembered. */
function timeOf(timestamp: string): number {
  if (timestamp !== lastTimestamp) {
    lastTime = Date.parse(timestamp);
    lastTimestamp = timestamp;
  }
  return lastTime;
}

/** Keys come from pipelines, where `constructor` is a legal name: no prototype. */
function record<T>(): Record<string, T> {
  return Object.create(null);
}
