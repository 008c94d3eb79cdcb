import {
  AdapterError,
  type Emit,
  routeTo,
  type ThreadContext,
  type ThreadEmits,
  type ThreadRun,
  toEventError,
} from "@millrace/engine";
import type { FromThread, ObjectRequest, RunRequest, ToThread } from "./thread-messages.ts";

/** Keys of a list that go to the thread together. */
const KEYS_AT_ONCE = 1000;

/** What a run needs of its thread. */
export interface RemoteRunParts {
  post(message: ToThread): void;
  /** It was told to stop, and is still at work. */
  end(): void;
  /** Nothing of it is at work in the thread any more. */
  onQuiet(): void;
}

/**
 * A step at work on one message in a thread, seen from the service.
 *
 * States: *working* (asked for its next emits) ⇄ *standing* (nobody has asked) → *quiet* (nothing of it is at work);
 * on the way there *closing*, where it was closed before its end and its thread has not said that it has stopped.
 */
export class RemoteRun implements ThreadRun {
  readonly #id: number;
  readonly #parts: RemoteRunParts;
  readonly #context: ThreadContext;
  readonly #lists = new Map<number, AsyncIterator<string>>();
  readonly #onAbort: () => void;
  #asked: PromiseWithResolvers<ThreadEmits> | null = null;
  #begun = false;
  #quiet = false;
  #closed = false;
  #failure: AdapterError | null = null;

  constructor(id: number, request: RunRequest, context: ThreadContext, parts: RemoteRunParts) {
    this.#id = id;
    this.#parts = parts;
    this.#context = context;
    const { signal } = context;
    this.#onAbort = () => {
      const { name, message } = signal.reason instanceof Error ? signal.reason : new DOMException("", "AbortError");
      parts.post({ kind: "abort", run: id, name, message });
    };
    parts.post({ kind: "run", run: id, request });
    signal.addEventListener("abort", this.#onAbort, { once: true });
    if (signal.aborted) this.#onAbort();
  }

  /** Whether nothing of it is at work. */
  get quiet(): boolean {
    return this.#quiet;
  }

  next(): Promise<ThreadEmits> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (this.#quiet) return Promise.resolve({ emits: [], done: true });
    this.#asked = Promise.withResolvers();
    // Whoever asked may have gone when the answer comes.
    this.#asked.promise.catch(() => {});
    // It begins by itself.
    if (this.#begun) this.#parts.post({ kind: "next", run: this.#id });
    this.#begun = true;
    return this.#asked.promise;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#context.signal.removeEventListener("abort", this.#onAbort);
    for (const list of this.#lists.values()) list.return?.().catch(() => {});
    this.#lists.clear();
    if (this.#quiet) return;
    if (this.#context.signal.aborted) this.#parts.end();
    else this.#parts.post({ kind: "close", run: this.#id });
  }

  /** Takes what the thread says of it. */
  take(message: FromThread): void {
    switch (message.kind) {
      case "emits":
        this.#takeEmits(message);
        break;
      case "closed":
        this.#becomeQuiet();
        break;
      case "log":
        this.#context.log[message.level](message.text, message.fields);
        break;
      case "usage":
        this.#context.countUsage(message.used);
        break;
      case "call":
        this.#answer(message.call, message.request).catch((error) => {
          this.#parts.post({ kind: "answer", call: message.call, error: toEventError(error) });
        });
    }
  }

  /** Its thread has died. */
  die(cause: AdapterError): void {
    if (this.#quiet) return;
    this.#failure ??= cause;
    this.#asked?.reject(cause);
    this.#asked = null;
    this.#becomeQuiet();
  }

  #takeEmits({ emits, done, error, retryAfterMs = 0, busy }: Extract<FromThread, { kind: "emits" }>): void {
    const asked = this.#asked;
    this.#asked = null;
    if (error !== undefined) {
      this.#failure = new AdapterError(error.code, error.message, { retryable: error.retryable, retryAfterMs });
    }
    if (busy === true) this.#parts.end();
    if (done) this.#becomeQuiet();
    if (asked === null) return;
    if (this.#failure !== null && emits.length === 0) asked.reject(this.#failure);
    else asked.resolve({ emits: emits.map(emitOf), done: done && this.#failure === null });
  }

  #becomeQuiet(): void {
    if (this.#quiet) return;
    this.#quiet = true;
    this.#parts.onQuiet();
  }

  async #answer(call: number, request: ObjectRequest): Promise<void> {
    // An adapter that was abandoned cannot write any more.
    if (this.#closed) throw new AdapterError("CANCELLED", "The message is over.", { retryable: false });
    const value = await this.#ask(request);
    this.#parts.post({ kind: "answer", call, value });
  }

  async #ask(request: ObjectRequest): Promise<unknown> {
    const { objects } = this.#context;
    switch (request.method) {
      case "put":
        return objects.put(request.key, request.body, request.metadata);
      case "get":
        return objects.get(request.key);
      case "sizeOf":
        return objects.sizeOf(request.prefix);
      case "deleteAll":
        return objects.deleteAll(request.prefix);
      case "list": {
        const list = this.#lists.get(request.list) ?? objects.list(request.prefix)[Symbol.asyncIterator]();
        this.#lists.set(request.list, list);
        const keys: string[] = [];
        while (keys.length < KEYS_AT_ONCE) {
          const { done, value } = await list.next();
          if (done === true) break;
          keys.push(value);
        }
        if (keys.length === 0) this.#lists.delete(request.list);
        return keys;
      }
    }
  }
}

function emitOf({ json, route }: { readonly json: string; readonly route?: string }): Emit {
  const payload = JSON.parse(json);
  return route === undefined ? payload : routeTo(route, payload);
}
