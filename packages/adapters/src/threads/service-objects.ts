import { AdapterError, type ObjectMetadata, type ObjectStore } from "@millrace/engine";
import type { EventError } from "@millrace/protocol";
import type { FromThread, ObjectRequest } from "./thread-messages.ts";

/** Requests of a thread that are under way at once: bodies of more would wait in the service's memory, not here. */
const MAX_OPEN = 16;

interface Call {
  readonly run: number;
  readonly request: ObjectRequest;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** The service's object store, from a thread. */
export class ServiceObjects {
  readonly #send: (message: FromThread) => void;
  readonly #open = new Map<number, Call>();
  readonly #waiting: Call[] = [];
  #lastCall = 0;
  #lastList = 0;

  constructor(send: (message: FromThread) => void) {
    this.#send = send;
  }

  /** The store as one step sees it. */
  of(run: number): ObjectStore {
    return {
      put: async (key: string, body: Uint8Array, { contentType, messageId, createdAt }: ObjectMetadata) => {
        const metadata = { contentType, createdAt, ...(messageId === undefined ? {} : { messageId }) };
        await this.#call(run, { method: "put", key, body: new Uint8Array(body), metadata });
      },
      get: async (key) => {
        // What the service answers to `get`.
        const found = (await this.#call(run, { method: "get", key })) as {
          body: Uint8Array;
          metadata: ObjectMetadata;
        } | null;
        if (found === null) return null;
        const { body, metadata } = found;
        return { body: Buffer.from(body.buffer, body.byteOffset, body.byteLength), metadata };
      },
      list: (prefix) => this.#list(run, prefix),
      // What the service answers to `sizeOf`.
      sizeOf: async (prefix) => (await this.#call(run, { method: "sizeOf", prefix })) as number,
      deleteAll: async (prefix) => {
        await this.#call(run, { method: "deleteAll", prefix });
      },
    };
  }

  /** Takes the service's answer. */
  answer({ call: id, value, error }: { call: number; value?: unknown; error?: EventError }): void {
    const call = this.#open.get(id);
    this.#open.delete(id);
    const next = this.#waiting.shift();
    if (next !== undefined) this.#begin(next);
    if (error === undefined) call?.resolve(value);
    else call?.reject(new AdapterError(error.code, error.message, { retryable: error.retryable }));
  }

  async *#list(run: number, prefix: string): AsyncGenerator<string> {
    this.#lastList += 1;
    const list = this.#lastList;
    while (true) {
      // What the service answers to `list`.
      const keys = (await this.#call(run, { method: "list", list, prefix })) as string[];
      if (keys.length === 0) return;
      yield* keys;
    }
  }

  #call(run: number, request: ObjectRequest): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const call = { run, request, resolve, reject };
      if (this.#open.size < MAX_OPEN) this.#begin(call);
      else this.#waiting.push(call);
    });
  }

  #begin(call: Call): void {
    this.#lastCall += 1;
    this.#open.set(this.#lastCall, call);
    this.#send({ kind: "call", run: call.run, call: this.#lastCall, request: call.request });
  }
}
