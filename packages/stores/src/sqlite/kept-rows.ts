import type { DatabaseSync } from "node:sqlite";
import type { Committer } from "./committer.ts";

/** Rows that are measured between two turns of the event loop. */
const MEASURED_AT_ONCE = 2_000;

/** What a row takes beside its content, in bytes: its columns, and its places in the indexes. */
export const ROW_BYTES = 100;

/** Rows of messages that did not fail, of executions that are over: those that completed, and those never taken. */
export class KeptRows {
  readonly #committer: Pick<Committer, "read">;
  readonly #lists;
  readonly #pages;
  readonly #remove;

  constructor(database: DatabaseSync, committer: Pick<Committer, "read">) {
    this.#committer = committer;
    // The terms of the two partial indexes.
    const lists = ["settled = 1", "error IS NULL AND settled = 0"].map(
      (which) => `SELECT seq, route, octet_length(payload) AS bytes FROM messages WHERE execution_key = ? AND ${which}`,
    );
    this.#lists = lists.map((list) => database.prepare(list));
    this.#pages = lists.map((list) =>
      database.prepare(`${list} AND (route, seq) > (?, ?) ORDER BY route, seq LIMIT ${MEASURED_AT_ONCE}`),
    );
    this.#remove = database.prepare("DELETE FROM messages WHERE seq = ?");
  }

  /** Removes about `maxBytes` of them: within a transaction. */
  remove(executionKey: number, maxBytes: number): { readonly isDone: boolean; readonly bytes: number } {
    let bytes = 0;
    for (const list of this.#lists) {
      const seqs: number[] = [];
      for (const row of list.iterate(executionKey)) {
        seqs.push(Number(row.seq));
        bytes += Number(row.bytes) + ROW_BYTES;
        if (bytes >= maxBytes) break;
      }
      for (const seq of seqs) this.#remove.run(seq);
      if (bytes >= maxBytes) return { isDone: false, bytes };
    }
    return { isDone: true, bytes };
  }

  /** Bytes that they take. */
  async measure(executionKey: number): Promise<number> {
    let bytes = 0;
    for (const rows of this.#pages) {
      for (let after: [string, number] = ["", 0]; ; ) {
        const page = await this.#committer.read(() => rows.all(executionKey, ...after));
        for (const row of page) bytes += Number(row.bytes) + ROW_BYTES;
        if (page.length < MEASURED_AT_ONCE) break;
        after = [String(page.at(-1)?.route), Number(page.at(-1)?.seq)];
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    return bytes;
  }
}
