import { hash } from "node:crypto";
import { AdapterError } from "../adapter.ts";
import type { ObjectMetadata, ObjectStore } from "../ports.ts";
import type { Flow } from "./flow.ts";

/**
 * The object store as an adapter has it while its message is in flight: what it writes is noted in the journal. An
 * adapter that was abandoned writes no more: its message may be settled, tried again, or deleted with its execution.
 */
export class FlowObjects implements ObjectStore {
  readonly #objects: ObjectStore;
  readonly #flow: Flow;

  constructor(objects: ObjectStore, flow: Flow) {
    this.#objects = objects;
    this.#flow = flow;
  }

  async put(key: string, body: Uint8Array, metadata: ObjectMetadata): Promise<void> {
    this.#check();
    const { host, message } = this.#flow;
    const sha256 = hash("sha256", body);
    // The adapter may go on to change what it wrote.
    const size = body.byteLength;
    await this.#objects.put(key, body, { ...metadata, sha256 });
    // What lies elsewhere is nobody's: it is not listed, and does not go with an execution.
    if (!key.startsWith(`executions/${host.executionId}/`)) return;
    const object = {
      key,
      size,
      contentType: String(metadata.contentType),
      sha256,
      messageId: message.id,
      createdAt: host.timestamp(),
    };
    this.#flow.changeObjects({ kind: "written", object });
  }

  get(key: string): ReturnType<ObjectStore["get"]> {
    return this.#objects.get(key);
  }

  list(prefix: string): AsyncIterable<string> {
    return this.#objects.list(prefix);
  }

  async deleteAll(prefix: string): Promise<void> {
    this.#check();
    await this.#objects.deleteAll(prefix);
    this.#flow.changeObjects({ kind: "removed", prefix });
  }

  sizeOf(prefix: string): Promise<number> {
    return this.#objects.sizeOf(prefix);
  }

  #check(): void {
    if (!this.#flow.closed) return;
    throw new AdapterError("CANCELLED", "The adapter was given up, and cannot write objects any more.", {
      retryable: false,
    });
  }
}
