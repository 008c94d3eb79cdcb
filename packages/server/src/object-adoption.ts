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

/** Keys that are looked up, and objects that are compared, at once. */
const LOOKED_UP_AT_ONCE = 200;

/**
 * Brings the list of objects to what is there: adds those of a version that did not note them, once; and in executions
 * that a process left behind, which may have died between what it did to an object and the commit that tells of it, adds
 * those that no message has told of, and mends what is listed of others. It goes on beside everything else, and where a process dies over it the next one begins again.
 */
export class ObjectAdoption {
  readonly #parts: ObjectAdoptionParts;
  readonly #startedAt: number;
  #left: readonly string[] = [];
  #stopped = false;
  #running: Promise<void> = Promise.resolve();

  constructor(parts: ObjectAdoptionParts) {
    this.#parts = parts;
    this.#startedAt = parts.clock.now();
  }

  /** Finds out which executions were left behind: to be called before they are taken up again. It writes nothing. */
  async prepare(): Promise<void> {
    this.#left = (await this.#parts.records.unfinishedExecutions()).map(({ id }) => id);
  }

  /**
   * Looks at executions that another node has left, beside everything else. What is cut off by this node's end is begun
   * again by the node that takes them up next.
   */
  lookAt(executionIds: readonly string[]): void {
    const since = this.#parts.clock.now();
    this.#running = this.#running.then(async () => void (await this.#mend(executionIds, since)));
  }

  /** Notes where to look, once the store has turned out to be sound; the looking goes on. */
  async begin(): Promise<void> {
    if (this.#left.length > 0) await this.#parts.storedObjects.lookThrough(this.#left);
    this.#running = this.#run();
  }

  /** Resolves when it is done, or was stopped, or has failed. */
  get done(): Promise<void> {
    return this.#running;
  }

  /** Not waited for: a store that cannot be written must not hold up its end. */
  stop(): void {
    this.#stopped = true;
  }

  async #run(): Promise<void> {
    const { storedObjects } = this.#parts;
    const { all, executionIds } = storedObjects.toLookThrough;
    if (!all && executionIds.length === 0) return;
    if (await this.#mend(executionIds, this.#startedAt, all)) await storedObjects.lookedThrough();
  }

  /** Brings the list of objects to what is there, of all executions or these; true where it was not cut off. */
  async #mend(executionIds: readonly string[], since: number, all = false): Promise<boolean> {
    const { log } = this.#parts;
    try {
      let mended = 0;
      const prefixes = executionIds.map((id) => `executions/${id}/`);
      for (const prefix of all ? ["executions/"] : prefixes) mended += await this.#adopt(prefix, since);
      for (const prefix of prefixes) mended += await this.#compare(prefix, since);
      if (mended > 0) log.info({ objects: mended }, "objects were not listed as they are; they are now");
      return !this.#stopped;
    } catch (error) {
      if (!this.#stopped)
        log.error(
          { err: error },
          "objects cannot be looked through; it is tried again when their executions are taken up next",
        );
      return false;
    }
  }

  /** Adds the objects that are not listed. Returns how many there were. */
  async #adopt(prefix: string, since: number): Promise<number> {
    let adopted = 0;
    let keys: string[] = [];
    for await (const key of this.#parts.objects.list(prefix)) {
      if (this.#stopped) return adopted;
      keys.push(key);
      if (keys.length < LOOKED_UP_AT_ONCE) continue;
      adopted += await this.#adoptUnknown(keys, since);
      keys = [];
    }
    return adopted + (await this.#adoptUnknown(keys, since));
  }

  async #adoptUnknown(keys: readonly string[], since: number): Promise<number> {
    const known = await this.#parts.storedObjects.known(keys);
    const found: ObjectChange[] = [];
    for (const key of keys) {
      if (known.has(key) || this.#stopped) continue;
      const object = await this.#look(key, since);
      if (object !== null && object !== "missing") found.push({ kind: "written", object });
    }
    return this.#note(found);
  }

  /** Looks whether what is listed is there, and is what the list says. Returns how much was not. */
  async #compare(prefix: string, since: number): Promise<number> {
    const query = {
      project: null,
      prefix,
      stages: [],
      extensions: [],
      folders: false,
      offset: 0,
      limit: LOOKED_UP_AT_ONCE,
    };
    let mended = 0;
    for (let after: string | null = null; !this.#stopped; ) {
      const page = await this.#parts.storedObjects.list({ ...query, after });
      const changes: ObjectChange[] = [];
      for (const { key, sha256 } of page.objects) {
        const object = await this.#look(key, since);
        if (object === "missing") changes.push({ kind: "missing", key });
        else if (object !== null && object.sha256 !== sha256) changes.push({ kind: "written", object });
      }
      mended += await this.#note(changes);
      after = page.next;
      if (after === null) break;
    }
    return mended;
  }

  /** One commit per execution. */
  async #note(changes: readonly ObjectChange[]): Promise<number> {
    const byExecution = Map.groupBy(changes, (change) => partsOfKey(keyOf(change))?.execution_id);
    for (const [executionId, objects] of byExecution) {
      if (executionId !== undefined) await this.#parts.journal.append({ executionId, events: [], objects });
    }
    return changes.length;
  }

  /** Null for one that was written `since` then: its own message is about to tell of it. */
  async #look(key: string, since: number): Promise<WrittenObject | "missing" | null> {
    const open = await this.#parts.objects.open(key);
    if (open === null) return "missing";
    await open.close();
    const { size, sha256, metadata } = open;
    const { contentType, messageId = null } = metadata;
    const written = Date.parse(metadata.createdAt);
    if (written >= since) return null;
    const createdAt = new Date(Number.isNaN(written) ? since : written).toISOString();
    return { key, size, contentType, sha256, messageId, createdAt };
  }
}

function keyOf(change: ObjectChange): string {
  if (change.kind === "written") return change.object.key;
  return change.kind === "missing" ? change.key : change.prefix;
}
