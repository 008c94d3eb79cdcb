import type { DatabaseSync } from "node:sqlite";
import type { ObjectChange, Position } from "@millrace/engine";
import { partsOfKey } from "@millrace/protocol";
import { endOf } from "./object-row.ts";

/** Writes what was done to the object store, within a transaction. */
export class ObjectWrites {
  readonly #sql;

  constructor(database: DatabaseSync) {
    this.#sql = {
      insert: database.prepare(
        "INSERT INTO objects (position, execution_key, key, stage, size, content_type, sha256, message_id, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      ),
      replaced: database.prepare("UPDATE objects SET gone = 1 WHERE gone = 0 AND key = ?"),
      removed: database.prepare("UPDATE objects SET gone = 1 WHERE gone = 0 AND key >= ? AND key < ?"),
    };
  }

  /** `position`: of an object that was written. */
  write(executionKey: number, change: ObjectChange, position: Position): void {
    if (change.kind === "removed") {
      this.#sql.removed.run(change.prefix, endOf(change.prefix));
      return;
    }
    if (change.kind === "missing") {
      this.#sql.replaced.run(change.key);
      return;
    }
    const { key, size, contentType, sha256, messageId, createdAt } = change.object;
    const stage = partsOfKey(key)?.stage ?? null;
    this.#sql.replaced.run(key);
    this.#sql.insert.run(position, executionKey, key, stage, size, contentType, sha256, messageId, createdAt);
  }
}
