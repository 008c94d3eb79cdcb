import type { StoredObjectPage, StoredObjectQuery, WrittenObject } from "@millrace/engine";
import type { Database } from "../database.ts";
import { isStorable } from "../execution-row.ts";
import { endOf } from "../journal-writes.ts";
import { OBJECT, toObject } from "../object-rows.ts";

/** Objects of executions that are being deleted are seen by nobody any more. */
const KEPT = "NOT EXISTS (SELECT 1 FROM deletions WHERE deletions.key = objects.execution_key)";

/** Of executions of the project `$3`; where that is null, of any. */
const OWN =
  "($3::text IS NULL OR EXISTS (SELECT 1 FROM executions WHERE executions.key = objects.execution_key AND executions.project = $3))";

/** Those of a range of keys, `$1` up to `$2`. */
const IN_RANGE = `NOT gone AND key >= $1 AND key < $2 AND ${KEPT} AND ${OWN}`;

/** A page of the objects: read off an index by key, of which no more than the page leaves the database. */
export async function listObjects(database: Database, query: StoredObjectQuery): Promise<StoredObjectPage> {
  const { project, prefix, after, stages, extensions } = query;
  const texts = [prefix, after ?? "", ...stages, ...extensions];
  if (!texts.every(isStorable)) return { total: 0, objects: [], folders: [], next: null };
  const end = endOf(prefix);
  const filter = filterOf(query);
  const [counted] = await database.read(`SELECT count(*) AS total FROM objects WHERE ${IN_RANGE}${filter.sql}`, [
    prefix,
    end,
    project,
    ...filter.values,
  ]);
  const from = after === null ? prefix : behind(after);
  const page = query.folders
    ? await foldersAndObjects(database, [from, end], query)
    : await objectsOnly(database, [from, end], filter, query);
  return { total: Number(counted?.total), ...page };
}

interface Filter {
  /** To be added to a condition with three values before these. */
  readonly sql: string;
  readonly values: readonly unknown[];
}

function filterOf({ stages, extensions }: StoredObjectQuery): Filter {
  const values: unknown[] = [];
  let sql = "";
  if (stages.length > 0) sql += ` AND stage = ANY ($${values.push(stages) + 3}::text[])`;
  if (extensions.length > 0) {
    const patterns = extensions.map((extension) => `%.${extension.replaceAll(/[\\%_]/g, "\\$&")}`);
    sql += ` AND key ILIKE ANY ($${values.push(patterns) + 3}::text[])`;
  }
  return { sql, values };
}

type Range = readonly [from: string, end: string];

type Part = Omit<StoredObjectPage, "total">;

async function objectsOnly(
  database: Database,
  range: Range,
  { sql, values }: Filter,
  { project, limit, offset }: StoredObjectQuery,
): Promise<Part> {
  const next = values.length + 4;
  const rows = await database.read(
    `SELECT ${OBJECT} FROM objects WHERE ${IN_RANGE}${sql} ORDER BY key LIMIT $${next} OFFSET $${next + 1}`,
    // One more than there is room for tells that there is more.
    [...range, project, ...values, limit + 1, offset],
  );
  const page = rows.slice(0, limit).map(toObject);
  return { objects: page, folders: [], next: rows.length > limit ? (page.at(-1)?.key ?? null) : null };
}

/** What a key is an entry of on the level of a prefix of `$4` characters: a folder, or itself. */
const ENTRY =
  "CASE WHEN strpos(substr(key, $4 + 1), '/') > 0 THEN left(key, $4 + strpos(substr(key, $4 + 1), '/')) ELSE key END";

/** The entries of one level: from each folder the way leads past all that is in it. */
const LEVEL = {
  name: "objects-level",
  text: `WITH RECURSIVE level AS (
      (SELECT position, ${ENTRY} AS entry FROM objects WHERE ${IN_RANGE} ORDER BY key LIMIT 1)
      UNION ALL
      SELECT following.* FROM level CROSS JOIN LATERAL
        (SELECT position, ${ENTRY} AS entry FROM objects
          WHERE ${IN_RANGE} AND key >= (level.entry || CASE WHEN level.entry LIKE '%/' THEN U&'\\+10FFFF' ELSE U&'\\0001' END) COLLATE "C"
          ORDER BY key LIMIT 1) AS following
    )
    SELECT page.entry, ${OBJECT} FROM (SELECT * FROM level LIMIT $5 OFFSET $6) AS page JOIN objects USING (position) ORDER BY page.entry`,
};

async function foldersAndObjects(
  database: Database,
  range: Range,
  { project, prefix, limit, offset }: StoredObjectQuery,
): Promise<Part> {
  const rows = await database.read(LEVEL, [...range, project, [...prefix].length, limit + 1, offset]);
  const objects: WrittenObject[] = [];
  const folders: string[] = [];
  for (const row of rows.slice(0, limit)) {
    const entry = String(row.entry);
    if (entry.endsWith("/")) folders.push(entry);
    else objects.push(toObject(row));
  }
  return { objects, folders, next: rows.length > limit ? String(rows[limit - 1]?.entry) : null };
}

/** What is next in the order of keys: after a key; after all that is in a folder. */
function behind(keyOrFolder: string): string {
  // No key has this character.
  return keyOrFolder.endsWith("/") ? endOf(keyOrFolder) : `${keyOrFolder}\u0001`;
}
