import type { CollectionSettings, SearchDocument } from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";
import type { PoolClient } from "pg";
import { dimensionsOf } from "../search/check-documents.ts";
import { withoutMarks } from "../search/snippet.ts";
import { plainWords } from "./plain-words.ts";

/** The names of text search configurations. */
export const CONFIGURATIONS = { english: "millrace_english", any: "simple" } as const;

const OPEN = `
INSERT INTO search_collections (name, language, embedding, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)
ON CONFLICT (name) DO UPDATE SET updated_at = excluded.updated_at,
  embedding = CASE WHEN $5::boolean THEN excluded.embedding ELSE search_collections.embedding END
RETURNING key, language, dimensions`;

const PUT = `
INSERT INTO search_documents AS d (collection, id, title, text, words, vector, metadata, execution_id, message_id, object_key, updated_at)
SELECT $1, x.id, x.title, x.text,
  setweight(to_tsvector($3::text::regconfig, x.title_words), 'A') || setweight(to_tsvector($3::text::regconfig, x.text_words), 'D'),
  x.vector, x.metadata, x.execution_id, x.message_id, x.object_key, $4
FROM json_to_recordset($2::json) AS x (id text, title text, text text, title_words text, text_words text, vector real[],
  metadata jsonb, execution_id text, message_id text, object_key text)
ON CONFLICT (collection, id) DO UPDATE SET title = excluded.title, text = excluded.text, words = excluded.words,
  vector = excluded.vector, metadata = excluded.metadata, execution_id = excluded.execution_id,
  message_id = excluded.message_id, object_key = excluded.object_key, updated_at = excluded.updated_at`;

/**
 * Puts documents into a collection, within a transaction. The collection's row is locked first: two that put documents
 * there wait for each other, and no two in a ring.
 * @throws MillraceError COLLECTION_MISMATCH, VECTOR_INVALID
 */
export async function putDocuments(
  client: PoolClient,
  name: string,
  { language, embedding }: CollectionSettings,
  documents: readonly SearchDocument[],
  now: string,
): Promise<void> {
  const json = embedding === undefined || embedding === null ? null : JSON.stringify(embedding);
  const { rows } = await client.query(OPEN, [name, language, json, now, embedding !== undefined]);
  const [collection] = rows;
  if (collection.language !== language) {
    throw new MillraceError(
      "COLLECTION_MISMATCH",
      `The collection "${name}" has the language ${collection.language}, not ${language}. Use that, or delete the collection first.`,
    );
  }
  const dimensions = dimensionsOf(name, collection.dimensions, documents);
  if (dimensions !== collection.dimensions) {
    await client.query("UPDATE search_collections SET dimensions = $2 WHERE key = $1", [collection.key, dimensions]);
  }
  // Of two with the same id the later one counts; one statement cannot write both.
  const last = new Map(documents.map((document) => [document.id, document]));
  if (last.size === 0) return;
  const records = JSON.stringify([...last.values()].map(toRecord), asPostgresTakes);
  await client.query(PUT, [collection.key, records, CONFIGURATIONS[language], now]);
}

function toRecord(document: SearchDocument) {
  const title = withoutMarks(document.title ?? "");
  const text = withoutMarks(document.text);
  return {
    id: document.id,
    title,
    text,
    title_words: plainWords(title),
    text_words: plainWords(text),
    vector: document.vector === null ? null : unit(document.vector),
    metadata: document.metadata,
    execution_id: document.executionId,
    message_id: document.messageId,
    object_key: document.objectKey,
  };
}

/** A vector of the length 1 in the same direction. */
export function unit(vector: readonly number[]): number[] {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return vector.map((value) => Math.fround(value / length));
}

/** A text of PostgreSQL's has no NUL and no half of a character. */
function asPostgresTakes(_name: string, value: unknown): unknown {
  return typeof value === "string" ? value.replaceAll("\0", " ").toWellFormed() : value;
}
