import type {
  Clock,
  Journal,
  ObjectChange,
  ObjectReader,
  ObjectStore,
  Records,
  StoredObjects,
  WrittenObject,
} from "@millrace/engine";
import { partsOfKey } from "@millrace/protocol";
import type { Logger } from "pino";

/** What the adoption of objects stands on. */
export interface ObjectAdoptionParts {
  readonly journal: Pick<Journal, "append">;
  readonly records: Pick<Records, "unfinishedExecutions">;
  readonly objects: ObjectStore & ObjectReader;
  readonly storedObjects: StoredObjects;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Keys that are looked up at once. */
const LOOKED_UP_AT_ONCE = 200;

/**
 * Finds objects that no message has told of, and adds them to the list: those of a version that did not note them, once;
 * and those of executions that a process left behind, which may have died between an object and the commit that tells of
 * it. It works beside everything else, and is begun again at the next start where it is not done.
 */
export class ObjectAdoption {
  readonly #parts: ObjectAdoptionParts;
  readonly #startedAt: number;
  #stopped = false;
  #running: Promise<void> = Promise.resolve();

  constructor(parts: ObjectAdoptionParts) {
    this.#parts = parts;
    this.#startedAt = parts.clock.now();
  }

  /** Resolves when it is known where to look; the looking goes on. */
  async begin(): Promise<void> {
    const { records, storedObjects } = this.#parts;
    const all = !storedObjects.complete;
    const left = all ? [] : await records.unfinishedExecutions();
    const prefixes = all ? ["executions/"] : left.map(({ id }) => `executions/${id}/`);
    this.#running = this.#run(prefixes, all);
  }

  /** Resolves when it is done, or was stopped, or has failed. */
  get done(): Promise<void> {
    return this.#running;
  }

  /** Not waited for: a store that cannot be written must not hold up its end. */
  stop(): void {
    this.#stopped = true;
  }

  async #run(prefixes: readonly string[], all: boolean): Promise<void> {
    const { log, storedObjects } = this.#parts;
    try {
      let adopted = 0;
      for (const prefix of prefixes) adopted += await this.#adopt(prefix);
      if (this.#stopped) return;
      if (all) await storedObjects.markComplete();
      if (adopted > 0)
        log.info({ objects: adopted }, "objects were found that no message had told of; they are listed now");
    } catch (error) {
      if (!this.#stopped)
        log.error({ err: error }, "objects cannot be looked through; it is tried again at the next start");
    }
  }

  async #adopt(prefix: string): Promise<number> {
    let adopted = 0;
    let keys: string[] = [];
    for await (const key of this.#parts.objects.list(prefix)) {
      if (this.#stopped) return adopted;
      keys.push(key);
      if (keys.length < LOOKED_UP_AT_ONCE) continue;
      adopted += await this.#adoptUnknown(keys);
      keys = [];
    }
    return adopted + (await this.#adoptUnknown(keys));
  }

  async #adoptUnknown(keys: readonly string[]): Promise<number> {
    const { journal, storedObjects } = this.#parts;
    const known = await storedObjects.known(keys);
    let adopted = 0;
    for (const key of keys) {
      const executionId = partsOfKey(key)?.execution_id;
      if (known.has(key) || executionId === undefined || this.#stopped) continue;
      const object = await this.#look(key);
      if (object === null) continue;
      const objects: ObjectChange[] = [{ kind: "written", object }];
      await journal.append({ executionId, events: [], objects });
      adopted += 1;
    }
    return adopted;
  }

  /** Null for one that is not there any more, and for one whose own message is about to tell of it. */
  async #look(key: string): Promise<WrittenObject | null> {
    const open = await this.#parts.objects.open(key);
    if (open === null) return null;
    await open.close();
    const { size, sha256, metadata } = open;
    const { contentType, messageId = null } = metadata;
    const written = Date.parse(metadata.createdAt);
    if (written >= this.#startedAt) return null;
    const createdAt = new Date(Number.isNaN(written) ? this.#startedAt : written).toISOString();
    return { key, size, contentType, sha256, messageId, createdAt };
  }
}
