import type { DatabaseSync } from "node:sqlite";
import type { CollectionField, CollectionSettings, Page, QueryEmbedding } from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";
import type { KeptCollection } from "../search/project-index.ts";
import type { Row } from "../sqlite/columns.ts";

/** A collection's row. */
export interface CollectionRow {
  readonly id: number;
  readonly name: string;
  readonly dimensions: number | null;
}

/** So many of the newest documents tell what there is to filter by. */
const FIELDS_OF_DOCUMENTS = 10_000;
const VALUES_OF_A_FIELD = 10;

const TOKENIZERS = {
  english: "porter unicode61 remove_diacritics 2",
  any: "unicode61 remove_diacritics 2",
} as const;

/** Null where there is none. */
export function findCollection(database: DatabaseSync, name: string): CollectionRow | null {
  const row = database.prepare("SELECT id, name, dimensions FROM collections WHERE name = ?").get(name);
  return row === undefined ? null : toRow(row);
}

/**
 * The collection of the name; it is made where it is not there. To be called within a transaction.
 * @throws MillraceError COLLECTION_MISMATCH
 */
export function openCollection(
  database: DatabaseSync,
  name: string,
  { language, embedding }: CollectionSettings,
  now: string,
): CollectionRow {
  const known = database.prepare("SELECT id, name, dimensions, language FROM collections WHERE name = ?").get(name);
  const json = embedding === undefined || embedding === null ? null : JSON.stringify(embedding);
  if (known === undefined) {
    const { lastInsertRowid } = database
      .prepare("INSERT INTO collections (name, language, embedding, created_at, updated_at) VALUES (?, ?, ?, ?, ?)")
      .run(name, language, json, now, now);
    const id = Number(lastInsertRowid);
    database.exec(
      `CREATE VIRTUAL TABLE words_${id} USING fts5(title, text, content = 'documents', content_rowid = 'key', tokenize = '${TOKENIZERS[language]}')`,
    );
    database.exec(`CREATE TABLE vectors_${id} (key INTEGER PRIMARY KEY, vector BLOB NOT NULL) STRICT`);
    return { id, name, dimensions: null };
  }
  if (known.language !== language) {
    throw new MillraceError(
      "COLLECTION_MISMATCH",
      `The collection "${name}" has the language ${known.language}, not ${language}. Use that, or delete the collection first.`,
    );
  }
  if (embedding !== undefined)
    database.prepare("UPDATE collections SET embedding = ? WHERE id = ?").run(json, Number(known.id));
  return toRow(known);
}

/** Sorted by name. */
export function listCollections(
  database: DatabaseSync,
  prefix: string | null,
  { limit, offset }: { readonly limit: number; readonly offset: number },
): Page<KeptCollection> {
  const [where, values] =
    prefix === null ? ["instr(name, '/') = 0", []] : ["substr(name, 1, length(?)) = ?", [prefix, prefix]];
  const rows = database
    .prepare(`SELECT * FROM collections WHERE ${where} ORDER BY name LIMIT ? OFFSET ?`)
    .all(...values, limit, offset);
  const total = Number(database.prepare(`SELECT count(*) AS n FROM collections WHERE ${where}`).get(...values)?.n ?? 0);
  return { total, items: rows.map((row) => toCollection(database, row)) };
}

/** The names that end so, sorted. */
export function namesThatEnd(database: DatabaseSync, end: string): string[] {
  return database
    .prepare(
      "SELECT name FROM collections WHERE substr(name, max(1, length(name) + 1 - length(?1))) = ?1 OR ?1 = '' ORDER BY name",
    )
    .all(end)
    .map(({ name }) => String(name));
}

/** Null where there is none. */
export function readCollection(database: DatabaseSync, name: string): KeptCollection | null {
  const row = database.prepare("SELECT * FROM collections WHERE name = ?").get(name);
  return row === undefined ? null : toCollection(database, row);
}

/** What there is to filter by; null where there is no such collection. */
export function listFields(database: DatabaseSync, name: string): CollectionField[] | null {
  const collection = findCollection(database, name);
  if (collection === null) return null;
  const rows = database
    .prepare(
      `SELECT f.key AS field, v.type AS type, v.value AS value, count(*) AS n
       FROM (SELECT metadata FROM documents WHERE collection = ? ORDER BY key DESC LIMIT ${FIELDS_OF_DOCUMENTS}) d,
         json_each(d.metadata) f, json_each(d.metadata, f.fullkey) v
       WHERE v.type <> 'null'
       GROUP BY f.key, v.type, v.value ORDER BY f.key, n DESC, v.value`,
    )
    .all(collection.id);
  return [...Map.groupBy(rows, ({ field }) => String(field))].map(([field, values]) => ({
    field,
    values: values
      .slice(0, VALUES_OF_A_FIELD)
      .map(({ type, value, n }) => ({ value: jsonOf(type, value), count: Number(n) })),
  }));
}

/** False where there was none. */
export function dropCollection(database: DatabaseSync, name: string): boolean {
  const collection = findCollection(database, name);
  if (collection === null) return false;
  const { id } = collection;
  database.exec("BEGIN IMMEDIATE");
  try {
    database.exec(`DROP TABLE words_${id}`);
    database.exec(`DROP TABLE vectors_${id}`);
    database.prepare("DELETE FROM documents WHERE collection = ?").run(id);
    database.prepare("DELETE FROM collections WHERE id = ?").run(id);
    database.exec("COMMIT");
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
  return true;
}

function toRow({ id, name, dimensions }: Row): CollectionRow {
  return { id: Number(id), name: String(name), dimensions: dimensions === null ? null : Number(dimensions) };
}

function toCollection(database: DatabaseSync, row: Row): KeptCollection {
  const { id, name, dimensions } = toRow(row);
  const count = (sql: string, ...values: number[]) => Number(database.prepare(sql).get(...values)?.n ?? 0);
  return {
    name,
    language: row.language === "english" ? "english" : "any",
    // Written as such.
    embedding: row.embedding === null ? null : (JSON.parse(String(row.embedding)) as QueryEmbedding),
    documents: count("SELECT count(*) AS n FROM documents WHERE collection = ?", id),
    vectors: count(`SELECT count(*) AS n FROM vectors_${id}`),
    dimensions,
    createdAt: String(row.created_at),
    updatedAt: String(row.updated_at),
  };
}

function jsonOf(type: unknown, value: unknown): string | number | boolean {
  if (type === "true" || type === "false") return type === "true";
  return typeof value === "number" ? value : String(value);
}
