import type { DatabaseSync } from "node:sqlite";
import type { JournalEntry } from "@millrace/engine";
import { checksumOf } from "../journal/checksum.ts";

/** Writes rows of the journal, each with its checksum, within a transaction. */
export class JournalWrites {
  readonly #insert;

  constructor(database: DatabaseSync) {
    this.#insert = database.prepare(
      "INSERT INTO journal (last, first, execution_key, count, lifecycle, frames, checksum) VALUES (?, ?, ?, ?, ?, ?, ?)",
    );
  }

  write(executionKey: number, entry: JournalEntry): void {
    const { first, last } = entry;
    if (entry.kind === "events") {
      const { count, frames } = entry;
      this.#insert.run(last, first, executionKey, count, null, frames, checksumOf(last, frames));
      return;
    }
    const lifecycle = JSON.stringify(entry.lifecycle);
    this.#insert.run(last, first, executionKey, 0, lifecycle, null, checksumOf(last, lifecycle));
  }
}
