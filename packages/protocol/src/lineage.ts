import type { CompletedEvent, EventError, ExecutionEvent, FailedEvent } from "./event.ts";

/** Where a stage of a message stands, or the message itself. */
export const STAGE_STATUSES = ["pending", "initiated", "processing", "completed", "failed", "cancelled"] as const;

/** One of {@link STAGE_STATUSES}. */
export type StageStatus = (typeof STAGE_STATUSES)[number];

/** One adapter's run on a message in one attempt; or an attempt that no adapter has begun in. */
export interface LineageStage {
  attempt: number;
  adapter: string | null;
  adapterIndex: number | null;
  status: StageStatus;
  /** Epoch ms; null before the attempt begins. */
  startedAt: number | null;
  completedAt: number | null;
  error: EventError | null;
  /** Of a failed stage: whether the message was taken again. */
  willRetry: boolean;
}

/** What became of one message, as the events about it tell. */
export interface LineageMessage {
  readonly id: string;
  readonly parentId: string | null;
  readonly route: string;
  status: StageStatus;
  attempts: number;
  /** Epoch ms: when it was first taken, and when it was settled. */
  startedAt: number;
  completedAt: number | null;
  /** Of the last attempt, by a clock that never goes back. */
  durationMs: number | null;
  error: EventError | null;
  /** Messages that it gave rise to, per route; null until it is settled. */
  emitted: Readonly<Record<string, number>> | null;
  /** The message that its batch went on as. */
  batchedInto: string | null;
  readonly stages: LineageStage[];
}

/** The status of what failed with an error: stopped from outside is not the message's own failure. */
function statusOf(error: EventError): StageStatus {
  return error.code === "CANCELLED" ? "cancelled" : "failed";
}

/**
 * Applies one event to the messages that are not settled, by id, and returns the message that it is about; one that it
 * settles is taken out. Events come in the journal's order.
 */
export function foldLineage(open: Map<string, LineageMessage>, event: ExecutionEvent): LineageMessage {
  const at = Date.parse(event.timestamp);
  const message = open.get(event.message_id) ?? begin(open, event, at);
  switch (event.type) {
    case "initiated":
      message.attempts = event.attempt;
      message.status = "initiated";
      // One that had failed for good may be taken up again.
      message.completedAt = null;
      message.emitted = null;
      takeStage(message, event.attempt, at);
      break;
    case "processing":
      message.status = "processing";
      enterAdapter(message, event.adapter, event.adapter_index, event.attempt, at);
      break;
    case "completed":
      complete(message, event, at);
      open.delete(message.id);
      break;
    case "failed":
      fail(message, event, at);
      if (!event.will_retry) open.delete(message.id);
      break;
  }
  return message;
}

function begin(open: Map<string, LineageMessage>, event: ExecutionEvent, at: number): LineageMessage {
  const message: LineageMessage = {
    id: event.message_id,
    parentId: event.parent_message_id,
    route: event.route,
    status: "initiated",
    attempts: event.attempt,
    startedAt: at,
    completedAt: null,
    durationMs: null,
    error: null,
    emitted: null,
    batchedInto: null,
    // Retention may have removed its beginning.
    stages: event.type === "initiated" ? [] : [newStage(event.attempt, "initiated", at)],
  };
  open.set(message.id, message);
  return message;
}

/** The stage that waited for this attempt begins, or a new one. */
function takeStage(message: LineageMessage, attempt: number, at: number): void {
  const last = message.stages.at(-1);
  if (last?.status === "pending" && last.attempt === attempt) {
    last.status = "initiated";
    last.startedAt = at;
    return;
  }
  message.stages.push(newStage(attempt, "initiated", at));
}

function enterAdapter(message: LineageMessage, adapter: string, adapterIndex: number, attempt: number, at: number) {
  const last = message.stages.at(-1);
  if (last?.status === "initiated" && last.attempt === attempt) {
    last.adapter = adapter;
    last.adapterIndex = adapterIndex;
    last.status = "processing";
    last.startedAt = at;
    return;
  }
  if (last !== undefined && last.completedAt === null) close(last, "completed", at);
  message.stages.push({ ...newStage(attempt, "processing", at), adapter, adapterIndex });
}

function complete(message: LineageMessage, event: CompletedEvent, at: number): void {
  const last = message.stages.at(-1);
  if (last !== undefined && last.completedAt === null) close(last, "completed", at);
  message.status = "completed";
  message.completedAt = at;
  message.durationMs = event.duration_ms;
  message.error = null;
  message.emitted = event.emitted;
  message.batchedInto = event.batched_into ?? null;
}

function fail(message: LineageMessage, event: FailedEvent, at: number): void {
  const { error, attempt, adapter_index: index } = event;
  const status = statusOf(error);
  const last = message.stages.at(-1);
  // The adapter to blame may have given way to a later one of its chain: it goes on yielding.
  const blamed =
    message.stages.findLast((stage) => stage.attempt === attempt && stage.adapterIndex === (index ?? null)) ?? last;
  if (last !== undefined && last !== blamed && last.completedAt === null) close(last, "completed", at);
  if (blamed !== undefined) {
    close(blamed, status, at);
    blamed.error = error;
    blamed.willRetry = event.will_retry;
  }
  message.durationMs = event.duration_ms;
  message.error = error;
  if (event.will_retry) {
    message.status = "pending";
    message.stages.push(newStage(attempt + 1, "pending", null));
    return;
  }
  message.status = status;
  message.completedAt = at;
  message.emitted = event.emitted ?? {};
}

function newStage(attempt: number, status: StageStatus, startedAt: number | null): LineageStage {
  return {
    attempt,
    adapter: null,
    adapterIndex: null,
    status,
    startedAt,
    completedAt: null,
    error: null,
    willRetry: false,
  };
}

function close(stage: LineageStage, status: StageStatus, at: number): void {
  stage.status = status;
  stage.completedAt = at;
}
