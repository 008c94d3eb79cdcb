import type { DatabaseSync } from "node:sqlite";
import { HYBRID_CANDIDATES, type SearchHit, type SearchPage, type SearchQuery } from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";
import { checkVector } from "../search/check-documents.ts";
import { type Fused, fuse, type Ranked } from "../search/fuse.ts";
import { readQueryWords } from "../search/query-words.ts";
import { MARK_END, MARK_START, markedSnippet, plainSnippet } from "../search/snippet.ts";
import { text } from "../sqlite/columns.ts";
import type { CollectionRow } from "./collections.ts";
import { toBlob } from "./cosine-distance.ts";
import { type FilterClause, filterClause } from "./filters.ts";
import { matchExpression } from "./match-expression.ts";

/** A word of the title counts for as many of the text. */
const TITLE_WEIGHT = 4;

/** Words of a snippet. */
const SNIPPET_WORDS = 40;

interface Found {
  readonly total: number;
  readonly ranked: readonly Ranked[];
}

interface FoundByWords extends Found {
  readonly matched: "all" | "any";
  readonly expression: string | null;
}

interface Range {
  readonly limit: number;
  readonly offset: number;
}

/**
 * Searches a collection.
 * @throws MillraceError VECTOR_INVALID
 */
export function findDocuments(database: DatabaseSync, collection: CollectionRow, query: SearchQuery): SearchPage {
  const filters = filterClause(query.filters);
  const { limit, offset } = query;
  if (query.mode === "vector") {
    const { total, ranked } = byVector(database, collection, query.vector ?? [], filters, { limit, offset });
    const fused = ranked.map(({ key, rank, score }) => ({ key, score, keywordRank: null, vectorRank: rank }));
    return { total, matched: "all", items: readHits(database, collection, fused, null) };
  }
  if (query.mode === "keyword") {
    const { total, ranked, matched, expression } = byWords(database, collection, query.text ?? "", filters, query);
    const fused = ranked.map(({ key, rank, score }) => ({ key, score, keywordRank: rank, vectorRank: null }));
    return { total, matched, items: readHits(database, collection, fused, expression) };
  }
  const candidates = { limit: HYBRID_CANDIDATES, offset: 0 };
  const words = byWords(database, collection, query.text ?? "", filters, candidates);
  const vectors = byVector(database, collection, query.vector ?? [], filters, candidates);
  const fused = fuse(words.ranked, vectors.ranked);
  const items = readHits(database, collection, fused.slice(offset, offset + limit), words.expression);
  return { total: fused.length, matched: words.matched, items };
}

/** Documents with all the words, the best first; where there is none, those with any of them. */
function byWords(
  database: DatabaseSync,
  { id }: CollectionRow,
  typed: string,
  filters: FilterClause,
  { limit, offset }: Range,
): FoundByWords {
  const words = readQueryWords(typed);
  const from = `FROM words_${id} JOIN documents d ON d.key = words_${id}.rowid WHERE words_${id} MATCH ?${filters.sql}`;
  for (const matched of ["all", "any"] as const) {
    const expression = matchExpression(words, matched === "all");
    if (expression === null) break;
    const total = Number(database.prepare(`SELECT count(*) AS n ${from}`).get(expression, ...filters.values)?.n ?? 0);
    // A search by one word has no other way to match.
    if (total === 0 && matched === "all" && words.terms.length > 1) continue;
    const rows = database
      .prepare(
        `SELECT d.key AS key, bm25(words_${id}, ${TITLE_WEIGHT}, 1) AS score ${from} ORDER BY score, d.key LIMIT ? OFFSET ?`,
      )
      .all(expression, ...filters.values, limit, offset);
    // The less, the better, in SQLite.
    const ranked = rows.map(({ key, score }, index) => ({
      key: Number(key),
      rank: offset + index + 1,
      score: -Number(score),
    }));
    return { total, ranked, matched, expression };
  }
  return { total: 0, ranked: [], matched: "all", expression: null };
}

/** The nearest first, by the cosine: each vector of the collection is compared. */
function byVector(
  database: DatabaseSync,
  { id, name, dimensions }: CollectionRow,
  vector: readonly number[],
  filters: FilterClause,
  { limit, offset }: Range,
): Found {
  checkVector(vector, "What is searched for is a vector");
  if (dimensions === null) return { total: 0, ranked: [] };
  if (vector.length !== dimensions) {
    throw new MillraceError(
      "VECTOR_INVALID",
      `The vector has ${vector.length} dimensions; those of the collection "${name}" have ${dimensions}.`,
    );
  }
  const join = filters.sql === "" ? "" : "JOIN documents d ON d.key = v.key";
  const from = `FROM vectors_${id} v ${join} WHERE TRUE${filters.sql}`;
  const total = Number(database.prepare(`SELECT count(*) AS n ${from}`).get(...filters.values)?.n ?? 0);
  const rows = database
    .prepare(
      `SELECT v.key AS key, vec_distance_cosine(v.vector, ?) AS distance ${from} ORDER BY distance, v.key LIMIT ? OFFSET ?`,
    )
    .all(toBlob(vector), ...filters.values, limit, offset);
  const ranked = rows.map(({ key, distance }, index) => ({
    key: Number(key),
    rank: offset + index + 1,
    score: 1 - Number(distance),
  }));
  return { total, ranked };
}

function readHits(
  database: DatabaseSync,
  { id }: CollectionRow,
  found: readonly Fused[],
  expression: string | null,
): SearchHit[] {
  const read = database.prepare("SELECT * FROM documents WHERE key = ?");
  const marked = database.prepare(
    `SELECT snippet(words_${id}, 1, '${MARK_START}', '${MARK_END}', '…', ${SNIPPET_WORDS}) AS marked
     FROM words_${id} WHERE words_${id} MATCH ? AND rowid = ?`,
  );
  // A number would be bound as a real one, and FTS5 goes by whole ones alone: it would take any row.
  return found.flatMap(({ key, score, keywordRank, vectorRank }) => {
    const row = read.get(key);
    if (row === undefined) return [];
    const cut = expression === null || keywordRank === null ? undefined : marked.get(expression, BigInt(key))?.marked;
    return [
      {
        id: String(row.id),
        title: row.title === "" ? null : text(row.title),
        snippet: cut === undefined || cut === null ? plainSnippet(String(row.text)) : markedSnippet(String(cut)),
        score,
        keywordRank,
        vectorRank,
        metadata: JSON.parse(String(row.metadata)),
        executionId: String(row.execution_id),
        messageId: String(row.message_id),
        objectKey: text(row.object_key),
        updatedAt: String(row.updated_at),
      },
    ];
  });
}
