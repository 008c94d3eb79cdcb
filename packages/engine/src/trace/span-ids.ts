import { hash } from "node:crypto";

/*
 * Ids that are derived rather than carried (docs/decisions/0039): any node can name a span, or its parent, by what it
 * knows of a message anyway, and a step that is redone has the id that it had.
 */

/** The trace of an execution that no request has brought one for: its own id, whose last bits are random. */
export function traceIdOf(executionId: string): string {
  return executionId.replaceAll("-", "");
}

/** The span of an execution. */
export function executionSpanId(executionId: string): string {
  return derived(`execution/${executionId}`);
}

/** The span of a message, over all attempts at it: what the messages that it gives rise to have for a parent. */
export function messageSpanId(messageId: string): string {
  return derived(`message/${messageId}`);
}

/** The span of one of several attempts at a message. */
export function attemptSpanId(messageId: string, attempt: number): string {
  return derived(`attempt/${messageId}/${attempt}`);
}

/** The span of an adapter at work on a message, by its place in the route. */
export function stepSpanId(messageId: string, attempt: number, index: number): string {
  return derived(`step/${messageId}/${attempt}/${index}`);
}

function derived(name: string): string {
  const id = hash("sha1", name, "hex").slice(0, 16);
  // The one value that stands for none.
  return id === "0000000000000000" ? "0000000000000001" : id;
}
