import { AdapterError, type AdapterLog, type Routed, routeTo } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";

/** A row that cannot be read. */
export interface BrokenRow {
  /** As good rows are counted. */
  readonly row: number;
  /** The line of the text that it begins in, from 1. */
  readonly line: number;
  readonly error: string;
  /** How it begins. */
  readonly text: string;
}

/** How much of a broken row is kept, in characters. */
export const SHOWN_CHARACTERS = 1000;

/** Says what becomes of rows that cannot be read, and keeps count. */
export class BrokenRows {
  readonly #to: string | undefined;
  readonly #limit: number;
  readonly #kept: JsonObject;
  #count = 0;
  #first: BrokenRow | null = null;

  constructor(to: string | undefined, limit: number | undefined, kept: JsonObject) {
    this.#to = to;
    this.#limit = limit ?? Number.POSITIVE_INFINITY;
    this.#kept = kept;
  }

  /** @throws AdapterError TOO_MANY_BROKEN_ROWS, not retryable */
  *note(broken: BrokenRow): Generator<Routed> {
    this.#count += 1;
    this.#first ??= broken;
    if (this.#to !== undefined) yield routeTo(this.#to, { ...this.#kept, ...broken });
    if (this.#count > this.#limit) {
      throw tooMany(`More than ${this.#limit} rows (max_broken) cannot be read; the first ${describe(this.#first)}.`);
    }
  }

  /** @throws AdapterError TOO_MANY_BROKEN_ROWS, not retryable, where no row at all was good */
  end(good: number, log: AdapterLog): void {
    if (this.#first === null || this.#to !== undefined) return;
    const count = this.#count === 1 ? "1 row is" : `${this.#count} rows are`;
    if (good === 0) throw tooMany(`No row can be read; the first ${describe(this.#first)}.`);
    log.warn(`${count} left out, of ${good + this.#count}; the first ${describe(this.#first)}.`, {
      broken: this.#count,
      good,
    });
  }
}

function describe({ row, line, error }: BrokenRow): string {
  return `is row ${row}, line ${line}: ${error}`;
}

function tooMany(message: string): AdapterError {
  return new AdapterError("TOO_MANY_BROKEN_ROWS", message, { retryable: false });
}
