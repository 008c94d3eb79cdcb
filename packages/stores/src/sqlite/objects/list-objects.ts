import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { StoredObjectPage, StoredObjectQuery, WrittenObject } from "@millrace/engine";
import type { Committer } from "../committer.ts";
import { endOf, OBJECT, toObject } from "./object-row.ts";

/** Rows that are looked at in one turn of the event loop: some 5 ms. */
const ROWS_PER_SLICE = 20_000;

/** Folders and objects that are looked up one by one in a turn. */
const SEEKS_PER_SLICE = 200;

/** Where the objects are read. */
export interface ListedStore {
  readonly database: DatabaseSync;
  readonly committer: Pick<Committer, "read">;
}

/** A range of keys: from the first, or what sorts after it, up to the second. */
type Range = readonly [from: string, end: string];

/**
 * A page of the objects. All is read off an index by key, in slices, with turns for others in between; however many
 * there are, no more of them are in memory than are on the page.
 */
export async function listObjects(store: ListedStore, query: StoredObjectQuery): Promise<StoredObjectPage> {
  const seen = seenBy(query.project);
  const filter = filterOf(query, seen);
  const end = endOf(query.prefix);
  const total = await count(store, filter, [query.prefix, end]);
  const from = query.after === null ? query.prefix : behind(query.after);
  const page = query.folders
    ? await foldersAndObjects(store, seen, [from, end], query)
    : await objectsOnly(store, filter, [from, end], query);
  return { total, ...page };
}

interface Filter {
  readonly sql: string;
  readonly values: readonly SQLInputValue[];
}

/** Objects of executions that are being deleted are seen by nobody any more; others by those of their project. */
function seenBy(project: string | null): Filter {
  const kept = "NOT EXISTS (SELECT 1 FROM deletions WHERE deletions.key = execution_key)";
  if (project === null) return { sql: kept, values: [] };
  const own = "EXISTS (SELECT 1 FROM executions WHERE executions.key = execution_key AND executions.project = ?)";
  return { sql: `${kept} AND ${own}`, values: [project] };
}

function filterOf({ stages, extensions }: StoredObjectQuery, seen: Filter): Filter {
  const where = [seen.sql];
  const values: SQLInputValue[] = [...seen.values];
  if (stages.length > 0) {
    where.push(`stage IN (${stages.map(() => "?").join(", ")})`);
    values.push(...stages);
  }
  if (extensions.length > 0) {
    where.push(`(${extensions.map(() => "key LIKE ? ESCAPE '\\'").join(" OR ")})`);
    values.push(...extensions.map((extension) => `%.${extension.replaceAll(/[\\%_]/g, "\\$&")}`));
  }
  return { sql: where.join(" AND "), values };
}

/** Keys of a range that are next, at most a slice of them. */
const SLICE = `(SELECT position, key, execution_key, stage FROM objects INDEXED BY objects_by_key WHERE gone = 0 AND key >= ? AND key < ? ORDER BY key LIMIT ${ROWS_PER_SLICE})`;

interface Slice {
  /** Those that fit. */
  readonly fitting: number;
  /** The last key of all; null where there is none. */
  readonly last: string | null;
  /** Whether it was the last slice. */
  readonly done: boolean;
}

function slice({ database, committer }: ListedStore, filter: Filter, [from, end]: Range): Promise<Slice> {
  return committer.read(() => {
    const row = database
      .prepare(`SELECT count(*) AS looked, coalesce(sum(${filter.sql}), 0) AS fitting, max(key) AS last FROM ${SLICE}`)
      .get(...filter.values, from, end);
    return {
      fitting: Number(row?.fitting),
      last: row?.last === null ? null : String(row?.last),
      done: Number(row?.looked) < ROWS_PER_SLICE,
    };
  });
}

async function count(store: ListedStore, filter: Filter, [from, end]: Range): Promise<number> {
  let total = 0;
  for (let at = from; ; ) {
    const { fitting, last, done } = await slice(store, filter, [at, end]);
    total += fitting;
    if (done || last === null) return total;
    at = behind(last);
    await turn();
  }
}

type Part = Omit<StoredObjectPage, "total">;

async function objectsOnly(
  store: ListedStore,
  filter: Filter,
  [from, end]: Range,
  { limit, offset }: StoredObjectQuery,
): Promise<Part> {
  const objects: WrittenObject[] = [];
  let skip = offset;
  for (let at = from; ; ) {
    const { fitting, last, done } = await slice(store, filter, [at, end]);
    if (fitting > skip) {
      // One more than there is room for tells that there is more.
      const wanted = limit + 1 - objects.length;
      objects.push(...(await read(store, filter, [at, end], wanted, skip)));
    }
    skip = Math.max(0, skip - fitting);
    if (done || last === null || objects.length > limit) break;
    at = behind(last);
    await turn();
  }
  const more = objects.length > limit;
  const page = objects.slice(0, limit);
  return { objects: page, folders: [], next: more ? (page.at(-1)?.key ?? null) : null };
}

/** Objects of one slice. */
function read(
  { database, committer }: ListedStore,
  filter: Filter,
  [from, end]: Range,
  limit: number,
  offset: number,
): Promise<WrittenObject[]> {
  return committer.read(() =>
    database
      .prepare(
        `SELECT ${OBJECT} FROM objects WHERE position IN (SELECT position FROM ${SLICE} WHERE ${filter.sql} ORDER BY key LIMIT ? OFFSET ?) ORDER BY key`,
      )
      .all(from, end, ...filter.values, limit, offset)
      .map(toObject),
  );
}

/** The entries of one level: from each folder the way leads past all that is in it. */
async function foldersAndObjects(
  { database, committer }: ListedStore,
  seen: Filter,
  [from, end]: Range,
  { prefix, limit, offset }: StoredObjectQuery,
): Promise<Part> {
  const first = database.prepare(
    `SELECT ${OBJECT}, (${seen.sql}) AS kept FROM objects INDEXED BY objects_by_key WHERE gone = 0 AND key >= ? AND key < ? ORDER BY key LIMIT 1`,
  );
  const objects: WrittenObject[] = [];
  const folders: string[] = [];
  let last = "";
  let skip = offset;
  for (let at = from, seeks = 1; ; seeks += 1) {
    const row = await committer.read(() => first.get(...seen.values, at, end));
    if (row === undefined) return { objects, folders, next: null };
    const key = String(row.key);
    const slash = key.indexOf("/", prefix.length);
    const folder = slash < 0 ? null : key.slice(0, slash + 1);
    if (row.kept === 0) {
      // All others of its execution are going, or another project's, as well.
      at = endOf(`${key.split("/", 2).join("/")}/`);
    } else {
      if (skip > 0) skip -= 1;
      else {
        if (objects.length + folders.length === limit) return { objects, folders, next: last };
        if (folder === null) objects.push(toObject(row));
        else folders.push(folder);
        last = folder ?? key;
      }
      at = behind(folder ?? key);
    }
    if (seeks % SEEKS_PER_SLICE === 0) await turn();
  }
}

/** What is next in the order of keys: after a key; after all that is in a folder. */
function behind(keyOrFolder: string): string {
  // No key has this character.
  return keyOrFolder.endsWith("/") ? endOf(keyOrFolder) : `${keyOrFolder}\u0001`;
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
