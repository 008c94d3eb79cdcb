import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { ExecutionFilter, ExecutionRecord, Page } from "@millrace/engine";
import { EXECUTION, toExecution } from "./execution-row.ts";

/** A page of snapshots whole would be gigabytes, where pipelines are large. */
const LISTED = EXECUTION.replace(
  "config_snapshot",
  "json_remove(config_snapshot, '$.config_yaml', '$.document', '$.outline', '$.init_message') AS config_snapshot",
);

/** Sorts after every text that begins with what stands before it. */
const AFTER_ALL = "\u{10FFFF}";

/**
 * A page of executions. What is filtered and sorted by is in an index that is much smaller than the rows: those that are
 * shown are read, and no others. A search through 100,000 takes some 10 ms.
 */
export function listExecutions(
  database: DatabaseSync,
  project: string | null,
  filter: ExecutionFilter,
): Page<ExecutionRecord> {
  const where: string[] = [];
  const values: SQLInputValue[] = [];
  const match = (condition: string, ...given: (SQLInputValue | undefined)[]) => {
    const known = given.filter((value) => value !== undefined);
    if (known.length < given.length) return;
    where.push(condition);
    values.push(...known);
  };
  const { statuses = [], tagPrefix, words = [] } = filter;
  if (statuses.length > 0) match(`status IN (${statuses.map(() => "?").join(", ")})`, ...statuses);
  match("project = ?", project ?? undefined);
  match("config_id = ?", filter.configId);
  match("tag = ?", filter.tag);
  if (tagPrefix !== undefined) match("tag >= ? AND tag < ?", tagPrefix, tagPrefix + AFTER_ALL);
  match("parent_execution_id = ?", filter.parentExecutionId);
  match("started_at >= ?", utc(filter.startedAfter));
  match("started_at < ?", utc(filter.startedBefore));
  for (const word of words) {
    const spellings = spellingsOf(word);
    const anywhere = spellings.map((spelling) => `%${literally(spelling)}%`);
    const like = spellings.map(() => "tag LIKE ? ESCAPE '\\' OR config_name LIKE ? ESCAPE '\\'").join(" OR ");
    match(`(id LIKE ? ESCAPE '\\' OR ${like})`, `${literally(word)}%`, ...anywhere.flatMap((each) => [each, each]));
  }
  // Words are looked for in the names of every row that is left: in the index that has these, not in the rows themselves.
  const few = filter.tag !== undefined || filter.parentExecutionId !== undefined;
  const index = words.length > 0 && !few ? "INDEXED BY executions_listed" : "";
  const from = `FROM executions ${index} ${where.length === 0 ? "" : `WHERE ${where.join(" AND ")}`}`;
  const direction = filter.sortOrder === "asc" ? "ASC" : "DESC";
  const order = `ORDER BY started_at ${direction}, key ${direction}`;
  const total = Number(database.prepare(`SELECT count(*) AS total ${from}`).get(...values)?.total);
  if (total <= filter.offset) return { total, items: [] };
  const rows = database
    .prepare(`SELECT ${LISTED} FROM executions WHERE key IN (SELECT key ${from} ${order} LIMIT ? OFFSET ?) ${order}`)
    .all(...values, filter.limit, filter.offset);
  return { total, items: rows.map(toExecution) };
}

/** LIKE knows the cases of ASCII letters alone. */
function spellingsOf(word: string): string[] {
  if (/^[\x20-\x7e]*$/.test(word)) return [word];
  const lower = word.toLowerCase();
  const [first = ""] = lower;
  return [...new Set([word, lower, word.toUpperCase(), first.toUpperCase() + lower.slice(first.length)])];
}

/** What means something in a pattern, as it is written. */
function literally(text: string): string {
  return text.replaceAll(/[\\%_]/g, "\\$&");
}

/** A time as the columns hold it, so that texts compare as times do. */
function utc(time: string | undefined): string | undefined {
  return time === undefined ? undefined : new Date(time).toISOString();
}
