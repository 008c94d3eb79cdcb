import { HYBRID_CANDIDATES, type SearchHit, type SearchPage, type SearchQuery } from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";
import type { Pool } from "pg";
import { checkVector } from "../search/check-documents.ts";
import { type Fused, fuse, type Ranked } from "../search/fuse.ts";
import { readQueryWords } from "../search/query-words.ts";
import { MARK_END, MARK_START, markedSnippet, plainSnippet } from "../search/snippet.ts";
import { filterClause } from "./filters.ts";
import { queryExpression } from "./plain-words.ts";
import { CONFIGURATIONS, unit } from "./put-documents.ts";

/** A collection, as a search needs it. */
export interface SearchedCollection {
  readonly key: number;
  readonly name: string;
  readonly language: keyof typeof CONFIGURATIONS;
  readonly dimensions: number | null;
}

interface Found {
  readonly total: number;
  readonly ranked: readonly Ranked[];
}

interface FoundByWords extends Found {
  readonly matched: "all" | "any";
  readonly expression: string | null;
}

type Part = Pick<SearchQuery, "filters" | "limit" | "offset">;

/** A word of the title counts for about four of the text. */
const WEIGHTS = "'{0.25, 0.25, 0.25, 1.0}'";

/** Finds documents of a collection: one search, over one pool. */
export class DocumentFinder {
  readonly #pool: Pool;
  readonly #collection: SearchedCollection;
  readonly #hasPgvector: boolean;

  constructor(pool: Pool, collection: SearchedCollection, hasPgvector: boolean) {
    this.#pool = pool;
    this.#collection = collection;
    this.#hasPgvector = hasPgvector;
  }

  /** @throws MillraceError VECTOR_INVALID */
  async find(query: SearchQuery): Promise<SearchPage> {
    const { limit, offset } = query;
    if (query.mode === "vector") {
      const { total, ranked } = await this.#byVector(query.vector ?? [], query);
      const fused = ranked.map(({ key, rank, score }) => ({ key, score, keywordRank: null, vectorRank: rank }));
      return { total, matched: "all", items: await this.#hits(fused, null) };
    }
    if (query.mode === "keyword") {
      const { total, ranked, matched, expression } = await this.#byWords(query.text ?? "", query);
      const fused = ranked.map(({ key, rank, score }) => ({ key, score, keywordRank: rank, vectorRank: null }));
      return { total, matched, items: await this.#hits(fused, expression) };
    }
    const candidates = { filters: query.filters, limit: HYBRID_CANDIDATES, offset: 0 };
    const words = await this.#byWords(query.text ?? "", candidates);
    const vectors = await this.#byVector(query.vector ?? [], candidates);
    const fused = fuse(words.ranked, vectors.ranked);
    const items = await this.#hits(fused.slice(offset, offset + limit), words.expression);
    return { total: fused.length, matched: words.matched, items };
  }

  async #byWords(typed: string, { filters, limit, offset }: Part): Promise<FoundByWords> {
    const words = readQueryWords(typed);
    for (const matched of ["all", "any"] as const) {
      const expression = queryExpression(words, matched === "all");
      if (expression === null) break;
      const values: unknown[] = [this.#collection.key, CONFIGURATIONS[this.#collection.language], expression];
      const where = `d.collection = $1 AND d.words @@ q.query${filterClause(filters, bindTo(values))}`;
      const from = `FROM search_documents d, to_tsquery($2::text::regconfig, $3) AS q (query) WHERE ${where}`;
      const total = await this.#count(from, values);
      if (total === 0 && matched === "all" && words.terms.length > 1) continue;
      const bind = bindTo(values);
      const { rows } = await this.#pool.query(
        `SELECT d.key, ts_rank(${WEIGHTS}, d.words, q.query, 1) AS score ${from}
         ORDER BY score DESC, d.key LIMIT ${bind(limit)} OFFSET ${bind(offset)}`,
        values,
      );
      return { total, matched, expression, ranked: toRanked(rows, offset) };
    }
    return { total: 0, ranked: [], matched: "all", expression: null };
  }

  async #byVector(vector: readonly number[], { filters, limit, offset }: Part): Promise<Found> {
    const { key, name, dimensions } = this.#collection;
    checkVector(vector, "What is searched for is a vector");
    if (dimensions === null) return { total: 0, ranked: [] };
    if (vector.length !== dimensions) {
      throw new MillraceError(
        "VECTOR_INVALID",
        `The vector has ${vector.length} dimensions; those of the collection "${name}" have ${dimensions}.`,
      );
    }
    const counted: unknown[] = [key];
    const count = `FROM search_documents d WHERE d.collection = $1 AND d.vector IS NOT NULL${filterClause(filters, bindTo(counted))}`;
    const total = await this.#count(count, counted);
    const values: unknown[] = [key, unit(vector)];
    const bind = bindTo(values);
    const from = `FROM search_documents d WHERE d.collection = $1 AND d.vector IS NOT NULL${filterClause(filters, bind)}`;
    // Without the extension the same, number by number: exact as well, and some hundred times slower.
    const score = this.#hasPgvector
      ? "1 - (d.vector::vector <=> $2::real[]::vector)"
      : "(SELECT sum(a::float8 * b) FROM unnest(d.vector, $2::real[]) AS t (a, b))";
    const { rows } = await this.#pool.query(
      `SELECT d.key, ${score} AS score ${from} ORDER BY score DESC, d.key LIMIT ${bind(limit)} OFFSET ${bind(offset)}`,
      values,
    );
    return { total, ranked: toRanked(rows, offset) };
  }

  async #count(from: string, values: readonly unknown[]): Promise<number> {
    const { rows } = await this.#pool.query(`SELECT count(*) AS n ${from}`, [...values]);
    return Number(rows[0]?.n ?? 0);
  }

  async #hits(found: readonly Fused[], expression: string | null): Promise<SearchHit[]> {
    const { rows } = await this.#pool.query(
      `SELECT d.key, d.id, d.title, d.text, d.metadata, d.execution_id, d.message_id, d.object_key, d.updated_at,
         CASE WHEN $2::text IS NULL THEN NULL ELSE ts_headline($3::text::regconfig, d.text, to_tsquery($3::text::regconfig, $2),
           $4) END AS marked
       FROM search_documents d WHERE d.key = ANY ($1::bigint[])`,
      [
        found.map(({ key }) => key),
        expression,
        CONFIGURATIONS[this.#collection.language],
        `StartSel=${MARK_START}, StopSel=${MARK_END}, MaxWords=40, MinWords=20`,
      ],
    );
    const byKey = new Map(rows.map((row) => [Number(row.key), row]));
    return found.flatMap(({ key, score, keywordRank, vectorRank }) => {
      const row = byKey.get(key);
      if (row === undefined) return [];
      const marked = keywordRank === null ? null : row.marked;
      return [
        {
          id: row.id,
          title: row.title === "" ? null : row.title,
          snippet: marked === null ? plainSnippet(row.text) : markedSnippet(marked),
          score,
          keywordRank,
          vectorRank,
          metadata: row.metadata,
          executionId: row.execution_id,
          messageId: row.message_id,
          objectKey: row.object_key,
          updatedAt: row.updated_at,
        },
      ];
    });
  }
}

function toRanked(rows: readonly { readonly key: unknown; readonly score: unknown }[], offset: number): Ranked[] {
  return rows.map(({ key, score }, index) => ({ key: Number(key), rank: offset + index + 1, score: Number(score) }));
}

/** Adds a value to those of a statement, and says what stands for it. */
function bindTo(values: unknown[]): (value: string | number) => string {
  return (value) => `$${values.push(value)}`;
}
