import type { DatabaseSync } from "node:sqlite";

/** How many keys are remembered. */
const REMEMBERED = 10_000;

/** The numbers that stand for executions in the tables with many rows. */
export class ExecutionKeys {
  readonly #find;
  readonly #known = new Map<string, number>();

  constructor(database: DatabaseSync) {
    this.#find = database.prepare("SELECT key FROM executions WHERE id = ?");
  }

  /** Null where there is no such execution. */
  find(executionId: string): number | null {
    const known = this.#known.get(executionId);
    if (known !== undefined) return known;
    const row = this.#find.get(executionId);
    if (row === undefined) return null;
    const key = Number(row.key);
    if (this.#known.size >= REMEMBERED) this.#known.clear();
    this.#known.set(executionId, key);
    return key;
  }

  /** To be called when an execution is deleted. */
  forget(executionId: string): void {
    this.#known.delete(executionId);
  }

  /** To be called when a transaction is rolled back: the keys that it gave out will be given to others. */
  forgetAll(): void {
    this.#known.clear();
  }
}
