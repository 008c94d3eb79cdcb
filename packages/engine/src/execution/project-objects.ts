import { AdapterError } from "../adapter.ts";
import type { ObjectMetadata, ObjectStore, RecordsView } from "../ports.ts";

const ROOT = "executions/";

/** Other executions that it is remembered of whether they are of the project. */
const REMEMBERED = 1_000;

/**
 * The object store as the steps of one execution reach it: objects of executions of another project are not there, and
 * cannot be written. What lies outside of `executions/` is shared by all.
 */
export class ProjectObjects implements ObjectStore {
  readonly #objects: ObjectStore;
  readonly #records: Pick<RecordsView, "findExecution">;
  readonly #own: string;
  readonly #known = new Set<string>();

  /** `records`: of the project. */
  constructor(objects: ObjectStore, records: Pick<RecordsView, "findExecution">, executionId: string) {
    this.#objects = objects;
    this.#records = records;
    this.#own = `${ROOT}${executionId}/`;
  }

  async put(key: string, body: Uint8Array, metadata: ObjectMetadata): Promise<void> {
    // A promise that is not needed would cost every object a turn.
    if (!this.#isOwn(key)) await this.#mustBeThere(key);
    return this.#objects.put(key, body, metadata);
  }

  async get(key: string): ReturnType<ObjectStore["get"]> {
    if (!this.#isOwn(key) && !(await this.#isThere(key))) return null;
    return this.#objects.get(key);
  }

  async *list(prefix: string): AsyncIterable<string> {
    const whole = this.#isOwn(prefix) || (isWithinOne(prefix) && (await this.#isThere(prefix)));
    if (!whole && isWithinOne(prefix)) return;
    for await (const key of this.#objects.list(prefix)) {
      if (whole || this.#isOwn(key) || (await this.#isThere(key))) yield key;
    }
  }

  async deleteAll(prefix: string): Promise<void> {
    if (!this.#isOwn(prefix)) {
      if (!isWithinOne(prefix) && overlapsRoot(prefix)) throw foreign(prefix);
      await this.#mustBeThere(prefix);
    }
    return this.#objects.deleteAll(prefix);
  }

  async sizeOf(prefix: string): Promise<number> {
    if (this.#isOwn(prefix) || !overlapsRoot(prefix)) return this.#objects.sizeOf(prefix);
    if (!isWithinOne(prefix)) throw foreign(prefix);
    return (await this.#isThere(prefix)) ? this.#objects.sizeOf(prefix) : 0;
  }

  #isOwn(key: string): boolean {
    return key.startsWith(this.#own);
  }

  async #mustBeThere(key: string): Promise<void> {
    if (!(await this.#isThere(key))) throw foreign(key);
  }

  /** Whether a key is of an execution of the project, or of none at all. */
  async #isThere(key: string): Promise<boolean> {
    if (!key.startsWith(ROOT)) return true;
    const id = key.slice(ROOT.length, key.indexOf("/", ROOT.length));
    if (this.#known.has(id)) return true;
    const found = await this.#records.findExecution(id);
    // A tag names an execution, but no folder.
    if (found?.id !== id) return false;
    if (this.#known.size >= REMEMBERED) this.#known.clear();
    this.#known.add(id);
    return true;
  }
}

/** Whether all that begins so is of one execution. */
function isWithinOne(prefix: string): boolean {
  return prefix.startsWith(ROOT) && prefix.includes("/", ROOT.length);
}

/** Whether what begins so may be of any execution. */
function overlapsRoot(prefix: string): boolean {
  return prefix.startsWith(ROOT) || ROOT.startsWith(prefix);
}

function foreign(key: string): AdapterError {
  return new AdapterError(
    "OBJECT_NOT_WRITABLE",
    `"${key.slice(0, 200)}" is not within an execution of this one's project.`,
    { retryable: false },
  );
}
