import { randomUUID } from "node:crypto";
import type { EventError, ExecutionEvent } from "@millrace/protocol";

/** Routes with as many adapters as their number says. */
const ROUTES = ["r0", "r1", "r2", "r3"] as const;

const TEST_FAILURE: EventError = { code: "TEST_FAILURE", message: "as asked", retryable: true };
const CANCELLED: EventError = { code: "CANCELLED", message: "stopped", retryable: false };

interface Message {
  readonly id: string;
  readonly parentId: string | null;
  readonly route: string;
  readonly adapters: number;
  attempt: number;
  state: "queued" | "in flight" | "waiting";
  ran: number;
}

/**
 * A journal as the engine could have written it, of choices made by `pick` (which returns a number from 0 up to but
 * without its argument): messages that split, fail, are retried, are gathered into batches and are cancelled.
 */
export function randomJournal(executionId: string, rootId: string, steps: number, pick: (n: number) => number) {
  const events: ExecutionEvent[] = [];
  const open: Message[] = [];
  let now = Date.parse("2026-03-01T12:00:00.000Z");
  const add = (id: string, parentId: string | null) => {
    const number = pick(ROUTES.length);
    open.push({ id, parentId, route: ROUTES[number] ?? "r0", adapters: number, attempt: 1, state: "queued", ran: 0 });
  };
  const common = (message: Message) => ({
    execution_id: executionId,
    message_id: message.id,
    parent_message_id: message.parentId,
    correlation_id: message.id,
    root_correlation_id: rootId,
    route: message.route,
    timestamp: new Date(now).toISOString(),
    attempt: message.attempt,
  });
  const emit = (message: Message): Record<string, number> => {
    const emitted: Record<string, number> = {};
    for (let count = pick(4); count > 0; count -= 1) {
      add(randomUUID(), message.id);
      const route = open.at(-1)?.route ?? "";
      emitted[route] = (emitted[route] ?? 0) + 1;
    }
    return emitted;
  };
  const remove = (message: Message) => open.splice(open.indexOf(message), 1);
  const complete = (message: Message, leader: Message | null) => {
    remove(message);
    const emitted = leader === null ? emit(message) : {};
    events.push({
      ...common(message),
      type: "completed",
      duration_ms: pick(100) / 8,
      emitted,
      ...(leader === null ? {} : { batched_into: leader.id }),
    });
  };
  const fail = (message: Message, error: EventError, willRetry: boolean) => {
    const blamed = error === TEST_FAILURE && message.ran > 0 ? pick(message.ran) : null;
    if (!willRetry) remove(message);
    const emitted = willRetry ? {} : emit(message);
    // Some are taken up again after they had failed for good.
    if (!willRetry && pick(3) === 0) {
      open.push(message);
      message.state = "waiting";
    }
    events.push({
      ...common(message),
      type: "failed",
      ...(blamed === null ? {} : { adapter: `adapter-${blamed}`, adapter_index: blamed }),
      duration_ms: pick(100) / 8,
      error,
      will_retry: willRetry,
      ...(Object.keys(emitted).length > 0 ? { emitted } : {}),
    });
  };
  add(rootId, null);
  for (let step = 0; step < steps && open.length > 0; step += 1) {
    now += pick(3);
    const message = open[pick(open.length)];
    if (message === undefined) break;
    if (message.state !== "in flight") {
      if (message.state === "waiting") message.attempt += 1;
      message.state = "in flight";
      message.ran = 0;
      events.push({ ...common(message), type: "initiated" });
    } else if (message.ran < message.adapters && pick(4) > 0) {
      const index = message.ran;
      message.ran += 1;
      events.push({ ...common(message), type: "processing", adapter: `adapter-${index}`, adapter_index: index });
    } else {
      settle(message);
    }
  }
  return events;

  function settle(message: Message): void {
    const choice = pick(10);
    if (choice < 4) complete(message, null);
    else if (choice < 6) {
      const others = open.filter(
        (each) => each !== message && each.route === message.route && each.state === "in flight",
      );
      const gathered = others.slice(0, 1 + pick(3));
      for (const each of gathered) complete(each, message);
      complete(message, null);
    } else if (choice < 8) {
      fail(message, TEST_FAILURE, true);
      message.state = "waiting";
    } else fail(message, choice === 8 ? TEST_FAILURE : CANCELLED, false);
  }
}
