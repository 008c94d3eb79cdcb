import type { CompletedEvent, EventType, ExecutionEvent } from "./event.ts";
import { toOneLine } from "./frame.ts";

/** Route and adapter names that are remembered as JSON. */
const REMEMBERED_NAMES = 10_000;

/** What a frame begins with, up to its data. */
const FRAME_START: Readonly<Record<EventType, string>> = {
  initiated: "event: initiated\ndata: ",
  processing: "event: processing\ndata: ",
  completed: "event: completed\ndata: ",
  failed: "event: failed\ndata: ",
};

/**
 * Encodes events as frames, for those who encode many: three times as fast as `JSON.stringify`, as events that follow
 * each other mostly are about the same message, and what they share is not encoded again. The JSON is the same byte
 * for byte as `JSON.stringify` makes of the event with its fields in the schema's order, made one line ({@link toOneLine}).
 */
export class EventEncoder {
  readonly #names = new Map<string, string>();
  #executionId = "";
  #messageId = "";
  #parentId: string | null = "";
  #correlationId = "";
  #rootId = "";
  #route = "";
  /** The fields of the event before that its followers mostly share: up to the timestamp's value. */
  #shared = "";
  #timestamp = "";
  #timestampJson = '""';

  /** The frame up to its id: `encodeFrame` without the last two lines. Throws what reading the event's fields throws. */
  encode(event: ExecutionEvent): string {
    const start = FRAME_START[event.type];
    switch (event.type) {
      case "initiated":
        return `${start}${this.#common(event)},"type":"initiated"}`;
      case "processing":
        return `${start}${this.#common(event)},"type":"processing","adapter":${this.#name(event.adapter)},"adapter_index":${event.adapter_index}}`;
      case "completed":
        return `${start}${this.#common(event)},"type":"completed","duration_ms":${number(event.duration_ms)},"emitted":${countsJson(event.emitted)}${batchedJson(event.batched_into)}${usageJson(event.usage)}}`;
      default:
        // Seldom, and with text of all kinds.
        return start + toOneLine(JSON.stringify(event));
    }
  }

  #common(event: ExecutionEvent): string {
    const { execution_id, message_id, parent_message_id, correlation_id, root_correlation_id, route } = event;
    if (
      message_id !== this.#messageId ||
      execution_id !== this.#executionId ||
      route !== this.#route ||
      parent_message_id !== this.#parentId ||
      correlation_id !== this.#correlationId ||
      root_correlation_id !== this.#rootId
    ) {
      const id = quote(message_id);
      const correlation = correlation_id === message_id ? id : quote(correlation_id);
      const parent = parent_message_id === null ? "null" : quote(parent_message_id);
      this.#shared = `{"execution_id":${this.#name(execution_id)},"message_id":${id},"parent_message_id":${parent},"correlation_id":${correlation},"root_correlation_id":${this.#name(root_correlation_id)},"route":${this.#name(route)},"timestamp":`;
      this.#messageId = message_id;
      this.#executionId = execution_id;
      this.#route = route;
      this.#parentId = parent_message_id;
      this.#correlationId = correlation_id;
      this.#rootId = root_correlation_id;
    }
    if (event.timestamp !== this.#timestamp) {
      this.#timestampJson = quote(event.timestamp);
      this.#timestamp = event.timestamp;
    }
    return `${this.#shared}${this.#timestampJson},"attempt":${number(event.attempt)}`;
  }

  /** A string that comes again and again. */
  #name(name: string): string {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    if (this.#names.size >= REMEMBERED_NAMES) this.#names.clear();
    const json = quote(name);
    this.#names.set(name, json);
    return json;
  }
}

/** What most ids are made of, which JSON takes as it is. */
const PLAIN = /^[\w.:-]*$/;

function quote(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : toOneLine(JSON.stringify(text));
}

function number(value: number): string {
  return Number.isFinite(value) ? `${value}` : "null";
}

function batchedJson(leader: string | undefined): string {
  return leader === undefined ? "" : `,"batched_into":${quote(leader)}`;
}

/** Seldom there. */
function usageJson(usage: CompletedEvent["usage"]): string {
  return usage === undefined ? "" : `,"usage":${toOneLine(JSON.stringify(usage))}`;
}

function countsJson(counts: Readonly<Record<string, number>>): string {
  for (const _name in counts) return toOneLine(JSON.stringify(counts));
  return "{}";
}
