import {
  AdapterError,
  type AdapterLog,
  type Emits,
  type Message,
  type ObjectStore,
  Routed,
  toEventError,
} from "@millrace/engine";
import type { Usage } from "@millrace/protocol";
import type { AdapterGrants } from "../environment.ts";
import { type PreparedStep, preparedStep, prepareStep } from "./prepared-steps.ts";
import type { Emitted, FromThread, RunRequest } from "./thread-messages.ts";

/** Emits that go back together: a way to the service and back costs more than what most generators do between two. */
const MAX_EMITS = 64;

/** Characters of payloads that go back together. */
const MAX_CHARACTERS = 256 * 1024;

/** A generator that took longer for its last emits is asked for one at a time: none of them is kept waiting for the next. */
const QUICK_MS = 2;

/** What a run needs of its thread. */
export interface RunParts {
  send(message: FromThread): void;
  readonly log: AdapterLog;
  readonly objects: ObjectStore;
  readonly grants: AdapterGrants;
  onOver(): void;
}

/**
 * A step at work on one message, in the thread.
 *
 * States: *asked* (the service waits for emits) ⇄ *waiting* (the adapter's generator stands still) → *over* (all is
 * emitted, it has failed, or nothing more is wanted).
 */
export class StepRun {
  over = false;
  readonly #id: number;
  readonly #request: RunRequest;
  readonly #parts: RunParts;
  readonly #controller = new AbortController();
  #iterator: Iterator<unknown> | AsyncIterator<unknown> | null = null;
  #isAsync = false;
  #begun = false;
  #atOnce = 1;

  constructor(id: number, request: RunRequest, parts: RunParts) {
    this.#id = id;
    this.#request = request;
    this.#parts = parts;
  }

  /** Goes on to the next emits, and sends them. */
  next(): void {
    // A rejection becomes what the service is told.
    this.#advance().catch((error) => this.fail(error));
  }

  abort(reason: DOMException): void {
    this.#controller.abort(reason);
  }

  /** Ends with what the adapter threw, or let escape. */
  fail(thrown: unknown, emits: readonly Emitted[] = []): void {
    if (this.over) return;
    this.#end();
    // Of what the adapter threw itself, there is nothing left to end.
    closeQuietly(this.#iterator);
    const retryAfterMs = thrown instanceof AdapterError ? thrown.retryAfterMs : 0;
    this.#parts.send({ kind: "emits", run: this.#id, emits, done: true, error: toEventError(thrown), retryAfterMs });
  }

  /** Ends with what escaped from the adapter, which may be at work still. */
  escaped(thrown: unknown): void {
    this.#end();
    this.#parts.send({ kind: "emits", run: this.#id, emits: [], done: true, error: toEventError(thrown), busy: true });
  }

  /** Lets the adapter's generator come to its end. */
  async close(): Promise<void> {
    this.#end();
    try {
      await this.#iterator?.return?.();
    } catch {
      // The message's own outcome is what counts.
    }
    this.#parts.send({ kind: "closed", run: this.#id });
  }

  async #advance(): Promise<void> {
    if (!this.#begun) {
      this.#begun = true;
      const step = preparedStep(this.#request) ?? (await prepareStep(this.#request, this.#parts.grants));
      if (this.over) return;
      const result = step.adapter.process?.(this.#message(), this.#context(step));
      if (this.#spread(isPromise(result) ? await result : result)) return;
    }
    const iterator = this.#iterator;
    if (iterator === null) return;
    if (this.#isAsync) {
      const { done, value } = await iterator.next();
      if (done === true) this.#done([]);
      else if (!this.over) this.#send([this.#encode(value)]);
    } else {
      // It is not asynchronous.
      this.#collect(iterator as Iterator<unknown>);
    }
  }

  /** Sees what the adapter returned. True where that was all. */
  #spread(result: unknown): boolean {
    if (result === undefined || result === null) {
      this.#done([]);
      return true;
    }
    if (typeof result === "object" && Symbol.asyncIterator in result) {
      // The interface says what such a value yields; each of them is checked.
      this.#iterator = (result as AsyncIterable<unknown>)[Symbol.asyncIterator]();
      this.#isAsync = true;
      return false;
    }
    if (typeof result === "object" && Symbol.iterator in result && !ArrayBuffer.isView(result)) {
      this.#iterator = (result as Iterable<unknown>)[Symbol.iterator]();
      if (Array.isArray(result)) this.#atOnce = MAX_EMITS;
      return false;
    }
    this.#done([this.#encode(result)]);
    return true;
  }

  #collect(iterator: Iterator<unknown>): void {
    const emits: Emitted[] = [];
    const startedAt = performance.now();
    let characters = 0;
    try {
      while (emits.length < this.#atOnce && characters < MAX_CHARACTERS) {
        const { done, value } = iterator.next();
        if (done === true) {
          this.#done(emits);
          return;
        }
        const emitted = this.#encode(value);
        emits.push(emitted);
        characters += emitted.json.length;
        if (performance.now() - startedAt > QUICK_MS) break;
      }
    } catch (error) {
      this.fail(error, emits);
      return;
    }
    const isQuick = performance.now() - startedAt < QUICK_MS;
    this.#atOnce = isQuick ? Math.min(MAX_EMITS, this.#atOnce * 2) : 1;
    this.#send(emits);
  }

  #send(emits: readonly Emitted[]): void {
    this.#parts.send({ kind: "emits", run: this.#id, emits, done: false });
  }

  #done(emits: readonly Emitted[]): void {
    if (this.over) return;
    this.#end();
    this.#parts.send({ kind: "emits", run: this.#id, emits, done: true });
  }

  #end(): void {
    this.over = true;
    this.#parts.onOver();
  }

  #message(): Message {
    return { ...this.#request.message, payload: JSON.parse(this.#request.payloadJson) };
  }

  #context({ config, prepared }: PreparedStep) {
    const { name, index, trace } = this.#request;
    const { log, objects } = this.#parts;
    return {
      config,
      prepared,
      name,
      index,
      signal: this.#controller.signal,
      log,
      objects,
      search: null,
      cache: null,
      trace,
      countUsage: (used: Partial<Usage>) => this.#parts.send({ kind: "usage", run: this.#id, used }),
    };
  }

  #encode(value: unknown): Emitted {
    const payload = value instanceof Routed ? value.payload : value;
    let json: string | undefined;
    try {
      json = JSON.stringify(payload);
    } catch (error) {
      throw invalid(`a payload that is not JSON: ${error instanceof Error ? error.message : error}`);
    }
    if (json === undefined || !json.startsWith("{"))
      throw invalid(`${kindOf(payload)}; a message's payload is a JSON object`);
    const max = this.#request.maxPayloadBytes;
    if (json.length > max || (json.length * 3 > max && Buffer.byteLength(json) > max)) {
      const text = `The adapter emitted a payload of ${Buffer.byteLength(json)} bytes; max_payload_bytes is ${max}.`;
      throw new AdapterError("MESSAGE_TOO_LARGE", text, { retryable: false });
    }
    return value instanceof Routed ? { json, route: value.route } : { json };
  }
}

function invalid(what: string): AdapterError {
  return new AdapterError("INVALID_EMIT", `The adapter emitted ${what}.`, { retryable: false });
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object" && value !== null) return `a ${value.constructor?.name ?? "value"}`;
  return value === null ? "null" : `a ${typeof value}`;
}

function closeQuietly(iterator: Iterator<unknown> | AsyncIterator<unknown> | null): void {
  try {
    const closing: unknown = iterator?.return?.();
    if (isPromise(closing)) closing.then(undefined, () => undefined);
  } catch {
    // The message's own failure is what counts.
  }
}

function isPromise(value: unknown): value is Promise<Emits> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
