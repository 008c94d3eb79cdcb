import { readFileSync } from "node:fs";
import { join } from "node:path";
import type {
  CollectionField,
  CollectionSettings,
  Page,
  SearchDocument,
  SearchIndex,
  SearchIndexes,
  SearchPage,
  SearchQuery,
} from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";
import { Pool, type PoolClient } from "pg";
import { noSuchCollection } from "../search/no-such-collection.ts";
import { countByProject, type KeptCollection, type KeptCollections, ProjectIndex } from "../search/project-index.ts";
import { DocumentFinder } from "./find-documents.ts";
import { putDocuments } from "./put-documents.ts";

const SCHEMA = join(import.meta.dirname, "schema.sql");

/** Under this number nodes that start at once take turns. Made up: it is in nobody's way. */
const LOCK = 4_707_211_029;

/** Connections at once: searches and what is put wait for one beyond. */
const CONNECTIONS = 4;

const CONNECT_TIMEOUT_MS = 10_000;

/** So many of the newest documents tell what there is to filter by. */
const FIELDS_OF_DOCUMENTS = 10_000;
const VALUES_OF_A_FIELD = 10;

const LIST = `
SELECT c.name, c.language, c.embedding, c.dimensions, c.created_at, c.updated_at,
  count(d.key) AS documents, count(d.vector) AS vectors
FROM search_collections c LEFT JOIN search_documents d ON d.collection = c.key`;

const FIELDS = `
SELECT f.key AS field, v.value AS value, count(*) AS n
FROM (SELECT metadata FROM search_documents WHERE collection = $1 ORDER BY key DESC LIMIT ${FIELDS_OF_DOCUMENTS}) d,
  jsonb_each(d.metadata) f,
  jsonb_array_elements(CASE WHEN jsonb_typeof(f.value) = 'array' THEN f.value ELSE jsonb_build_array(f.value) END) v
WHERE jsonb_typeof(v.value) <> 'null'
GROUP BY f.key, v.value ORDER BY f.key COLLATE "C", n DESC, v.value`;

/**
 * Collections in a PostgreSQL database that nodes share: full text by its own search, vectors by the extension pgvector
 * where the database has it, else compared number by number in SQL.
 */
export class PostgresSearch implements SearchIndexes, KeptCollections {
  readonly #pool: Pool;
  /** Whether vectors are compared by pgvector. */
  readonly hasPgvector: boolean;

  private constructor(pool: Pool, hasPgvector: boolean) {
    this.#pool = pool;
    this.hasPgvector = hasPgvector;
  }

  /**
   * Opens the collections in a database, and makes what is missing.
   * @throws MillraceError STORE_UNREACHABLE
   */
  static async open(url: string): Promise<PostgresSearch> {
    const pool = new Pool({ connectionString: url, max: CONNECTIONS, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
    // A connection that breaks while nobody uses it: the next is made when it is needed.
    pool.on("error", () => undefined);
    try {
      await inTransaction(pool, async (client) => {
        await client.query("SELECT pg_advisory_xact_lock($1)", [LOCK]);
        await client.query(readFileSync(SCHEMA, "utf8"));
      });
      return new PostgresSearch(pool, await findPgvector(pool));
    } catch (error) {
      await pool.end();
      throw reachable(error);
    }
  }

  inProject(project: string | null): SearchIndex {
    return new ProjectIndex(this, project);
  }

  countByProject(project: string | null): Promise<ReadonlyMap<string, number>> {
    return countByProject(this, project);
  }

  put(name: string, settings: CollectionSettings, documents: readonly SearchDocument[]): Promise<void> {
    const now = new Date().toISOString();
    return this.#do(() => inTransaction(this.#pool, (client) => putDocuments(client, name, settings, documents, now)));
  }

  search(name: string, query: SearchQuery): Promise<SearchPage> {
    return this.#do(async () => {
      const { rows } = await this.#pool.query(
        "SELECT key, name, language, dimensions FROM search_collections WHERE name = $1",
        [name],
      );
      const [row] = rows;
      if (row === undefined) throw noSuchCollection(name);
      return new DocumentFinder(this.#pool, { ...row, key: Number(row.key) }, this.hasPgvector).find(query);
    });
  }

  collections(
    prefix: string | null,
    { limit, offset }: { readonly limit: number; readonly offset: number },
  ): Promise<Page<KeptCollection>> {
    const [where, values] = prefix === null ? ["strpos(name, '/') = 0", []] : ["starts_with(name, $1)", [prefix]];
    const place = `LIMIT $${values.length + 1} OFFSET $${values.length + 2}`;
    return this.#do(async () => {
      const { rows } = await this.#pool.query(`${LIST} WHERE ${where} GROUP BY c.key ORDER BY c.name ${place}`, [
        ...values,
        limit,
        offset,
      ]);
      const { rows: all } = await this.#pool.query(
        `SELECT count(*) AS n FROM search_collections WHERE ${where}`,
        values,
      );
      return { total: Number(all[0]?.n ?? 0), items: rows.map(toCollection) };
    });
  }

  namesThatEnd(end: string): Promise<string[]> {
    return this.#do(async () => {
      const sql = "SELECT name FROM search_collections WHERE right(name, length($1)) = $1 ORDER BY name";
      const { rows } = await this.#pool.query(sql, [end]);
      return rows.map(({ name }) => String(name));
    });
  }

  collection(name: string): Promise<KeptCollection | null> {
    return this.#do(async () => {
      const { rows } = await this.#pool.query(`${LIST} WHERE c.name = $1 GROUP BY c.key`, [name]);
      return rows[0] === undefined ? null : toCollection(rows[0]);
    });
  }

  fields(name: string): Promise<readonly CollectionField[] | null> {
    return this.#do(async () => {
      const { rows: found } = await this.#pool.query("SELECT key FROM search_collections WHERE name = $1", [name]);
      if (found[0] === undefined) return null;
      const { rows } = await this.#pool.query(FIELDS, [found[0].key]);
      return [...Map.groupBy(rows, ({ field }) => String(field))].map(([field, values]) => ({
        field,
        values: values.slice(0, VALUES_OF_A_FIELD).map(({ value, n }) => ({ value, count: Number(n) })),
      }));
    });
  }

  deleteCollection(name: string): Promise<boolean> {
    return this.#do(async () => {
      const { rowCount } = await this.#pool.query("DELETE FROM search_collections WHERE name = $1", [name]);
      return (rowCount ?? 0) > 0;
    });
  }

  /** Takes leave of the server, once all that was asked is answered. */
  async close(): Promise<void> {
    await this.#pool.end();
  }

  async #do<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw reachable(error);
    }
  }
}

async function inTransaction(pool: Pool, work: (client: PoolClient) => Promise<void>): Promise<void> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query("BEGIN");
    await work(client);
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK").catch((failure) => {
      broken = failure instanceof Error ? failure : new Error(String(failure));
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

/** Whether the database has pgvector, or may be given it. */
async function findPgvector(pool: Pool): Promise<boolean> {
  const { rows } = await pool.query(
    "SELECT installed_version IS NOT NULL AS installed FROM pg_available_extensions WHERE name = 'vector'",
  );
  if (rows[0] === undefined || rows[0].installed === true) return rows[0] !== undefined;
  return pool.query("CREATE EXTENSION IF NOT EXISTS vector").then(
    () => true,
    // By a superuser alone, on some servers.
    () => false,
  );
}

function toCollection(row: Record<string, unknown>): KeptCollection {
  return {
    name: String(row.name),
    language: row.language === "english" ? "english" : "any",
    // Written as such.
    embedding: (row.embedding ?? null) as KeptCollection["embedding"],
    documents: Number(row.documents),
    vectors: Number(row.vectors),
    dimensions: row.dimensions === null ? null : Number(row.dimensions),
    createdAt: String(row.created_at),
    updatedAt: String(row.updated_at),
  };
}

/** What is ours is told as it is; all else means that the database does not do what it is asked. */
function reachable(error: unknown): unknown {
  if (error instanceof MillraceError) return error;
  const why = error instanceof Error && error.message !== "" ? error.message : "it does not answer";
  return new MillraceError("STORE_UNREACHABLE", `The collections cannot be reached at present (${why}).`, {
    cause: error,
  });
}
