import type { DatabaseSync } from "node:sqlite";
import type { CollectionSettings, SearchDocument } from "@millrace/engine";
import { dimensionsOf } from "../search/check-documents.ts";
import { withoutMarks } from "../search/snippet.ts";
import { openCollection } from "./collections.ts";
import { toBlob } from "./cosine-distance.ts";

/**
 * Puts documents into a collection in one transaction: all or none.
 * @throws MillraceError COLLECTION_MISMATCH, VECTOR_INVALID
 */
export function putDocuments(
  database: DatabaseSync,
  name: string,
  settings: CollectionSettings,
  documents: readonly SearchDocument[],
  now: string,
): void {
  database.exec("BEGIN IMMEDIATE");
  try {
    const { id: collection, dimensions: known } = openCollection(database, name, settings, now);
    const dimensions = dimensionsOf(name, known, documents);
    const writer = new Writer(database, collection, now);
    for (const document of documents) writer.put(document);
    database
      .prepare("UPDATE collections SET dimensions = ?, updated_at = ? WHERE id = ?")
      .run(dimensions, now, collection);
    database.exec("COMMIT");
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

/** The statements of one transaction. */
class Writer {
  readonly #collection: number;
  readonly #now: string;
  readonly #statements;

  constructor(database: DatabaseSync, collection: number, now: string) {
    this.#collection = collection;
    this.#now = now;
    const words = `words_${collection}`;
    this.#statements = {
      find: database.prepare("SELECT key, title, text FROM documents WHERE collection = ? AND id = ?"),
      insert: database.prepare(
        `INSERT INTO documents (collection, id, metadata, execution_id, message_id, object_key, updated_at, title, text)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ),
      update: database.prepare(
        `UPDATE documents SET metadata = ?, execution_id = ?, message_id = ?, object_key = ?, updated_at = ?, title = ?, text = ?
         WHERE key = ?`,
      ),
      // An index without texts of its own has to be told what it forgets.
      forget: database.prepare(`INSERT INTO ${words} (${words}, rowid, title, text) VALUES ('delete', ?, ?, ?)`),
      learn: database.prepare(`INSERT INTO ${words} (rowid, title, text) VALUES (?, ?, ?)`),
      vector: database.prepare(
        `INSERT INTO vectors_${collection} (key, vector) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET vector = excluded.vector`,
      ),
      noVector: database.prepare(`DELETE FROM vectors_${collection} WHERE key = ?`),
    };
  }

  put(document: SearchDocument): void {
    const { find, insert, update, forget, learn, vector, noVector } = this.#statements;
    const { id, executionId, messageId, objectKey } = document;
    const metadata = JSON.stringify(document.metadata);
    const title = withoutMarks(document.title ?? "");
    const text = withoutMarks(document.text);
    const before = find.get(this.#collection, id);
    let key: number;
    if (before === undefined) {
      key = Number(
        insert.run(this.#collection, id, metadata, executionId, messageId, objectKey, this.#now, title, text)
          .lastInsertRowid,
      );
      learn.run(key, title, text);
    } else {
      key = Number(before.key);
      if (before.title !== title || before.text !== text) {
        forget.run(key, before.title ?? "", before.text ?? "");
        learn.run(key, title, text);
      }
      update.run(metadata, executionId, messageId, objectKey, this.#now, title, text, key);
    }
    if (document.vector === null) noVector.run(key);
    else vector.run(key, toBlob(document.vector));
  }
}
