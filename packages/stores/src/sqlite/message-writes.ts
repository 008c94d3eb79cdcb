import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { NewMessage } from "@millrace/engine";

/** Rows of one statement: measured, a third less time per row than one by one. */
const ROWS = 50;

const COLUMNS = 7;

/**
 * What a group does to the rows of messages: gathered, and written many at a time. Messages that are settled mostly
 * have numbers in a row, and are removed by range.
 */
export class MessageWrites {
  readonly #insertMany;
  readonly #insertOne;
  readonly #settle;
  readonly #settleRange;
  #rows: SQLInputValue[] = [];
  #settled: number[] = [];

  constructor(database: DatabaseSync) {
    const insert = "INSERT INTO messages (seq, execution_key, id, parent_id, route, payload, hops) VALUES ";
    const row = "(?, ?, ?, ?, ?, ?, ?)";
    this.#insertMany = database.prepare(insert + Array(ROWS).fill(row).join(", "));
    this.#insertOne = database.prepare(insert + row);
    this.#settle = database.prepare("DELETE FROM messages WHERE seq = ?");
    this.#settleRange = database.prepare("DELETE FROM messages WHERE seq BETWEEN ? AND ?");
  }

  put(seq: number, executionKey: number, message: NewMessage): void {
    const { id, parentId, route, payloadJson, hops } = message;
    this.#rows.push(seq, executionKey, id, parentId, route, payloadJson, hops);
  }

  settle(seq: number): void {
    this.#settled.push(seq);
  }

  /** Writes what was gathered: before anything else reads or changes messages, and before the commit. */
  flush(): void {
    const settled = this.#settled;
    if (settled.length > 0) this.#deleteSettled(settled);
    const rows = this.#rows;
    if (rows.length > 0) {
      let at = 0;
      for (; at + ROWS * COLUMNS <= rows.length; at += ROWS * COLUMNS) {
        this.#insertMany.run(...rows.slice(at, at + ROWS * COLUMNS));
      }
      for (; at < rows.length; at += COLUMNS) this.#insertOne.run(...rows.slice(at, at + COLUMNS));
    }
    this.clear();
  }

  /** Forgets what was gathered. */
  clear(): void {
    if (this.#rows.length > 0) this.#rows = [];
    if (this.#settled.length > 0) this.#settled = [];
  }

  #deleteSettled(settled: number[]): void {
    settled.sort((a, b) => a - b);
    let first = settled[0] ?? 0;
    let last = first;
    const end = () => {
      if (first === last) this.#settle.run(first);
      else this.#settleRange.run(first, last);
    };
    for (const seq of settled) {
      if (seq > last + 1) {
        end();
        first = seq;
      }
      last = seq;
    }
    end();
  }
}
