import type { ObjectMetadata, ObjectStore } from "@millrace/engine";

/** Objects that nodes of one process share. */
export class SharedObjects implements ObjectStore {
  readonly #objects = new Map<string, { body: Buffer; metadata: ObjectMetadata }>();
  #held: Promise<void> = Promise.resolve();

  /** From now on writes wait until what it returns is called. */
  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held = promise;
    return resolve;
  }

  async put(key: string, body: Uint8Array, metadata: ObjectMetadata): Promise<void> {
    await this.#held;
    this.#objects.set(key, { body: Buffer.from(body), metadata });
  }

  async get(key: string) {
    return this.#objects.get(key) ?? null;
  }

  async *list(prefix: string): AsyncIterable<string> {
    yield* [...this.#objects.keys()].filter((key) => key.startsWith(prefix)).sort();
  }

  async deleteAll(prefix: string): Promise<void> {
    for await (const key of this.list(prefix)) this.#objects.delete(key);
  }

  async sizeOf(): Promise<number> {
    return 0;
  }
}
