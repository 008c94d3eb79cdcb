import type { ExecutionFilter, ExecutionRecord, Page } from "@millrace/engine";
import type { Database } from "./database.ts";
import { isStorable, LISTED_EXECUTION, toExecution } from "./execution-row.ts";

/** Sorts after every text that begins with what stands before it. */
const AFTER_ALL = "\u{10FFFF}";

/**
 * A page of executions. What is filtered and sorted by is in an index that is much smaller than the rows: those that are
 * shown are read, and no others.
 */
export async function listExecutions(
  database: Database,
  project: string | null,
  filter: ExecutionFilter,
): Promise<Page<ExecutionRecord>> {
  const conditions = conditionsOf(project, filter);
  if (conditions === null) return { total: 0, items: [] };
  const { where, values } = conditions;
  const direction = filter.sortOrder === "asc" ? "ASC" : "DESC";
  const order = `ORDER BY started_at ${direction}, key ${direction}`;
  const [counted] = await database.read(`SELECT count(*) AS total FROM executions ${where}`, values);
  const total = Number(counted?.total);
  if (total <= filter.offset) return { total, items: [] };
  const page = `SELECT key FROM executions ${where} ${order} LIMIT $${values.length + 1} OFFSET $${values.length + 2}`;
  const rows = await database.read(`SELECT ${LISTED_EXECUTION} FROM executions WHERE key IN (${page}) ${order}`, [
    ...values,
    filter.limit,
    filter.offset,
  ]);
  return { total, items: rows.map(toExecution) };
}

/** Null where nothing can fit. */
function conditionsOf(
  project: string | null,
  filter: ExecutionFilter,
): { readonly where: string; readonly values: unknown[] } | null {
  const where: string[] = [];
  const values: unknown[] = [];
  const add = (value: unknown) => `$${values.push(value)}`;
  const { statuses = [], configId, tag, tagPrefix, words = [], parentExecutionId } = filter;
  const texts = [...statuses, configId, tag, tagPrefix, parentExecutionId, ...words];
  if (texts.some((value) => value !== undefined && !isStorable(value))) return null;
  if (statuses.length > 0) where.push(`status = ANY (${add(statuses)}::text[])`);
  if (project !== null) where.push(`project = ${add(project)}`);
  if (configId !== undefined) where.push(`config_id = ${add(configId)}`);
  if (tag !== undefined) where.push(`tag = ${add(tag)}`);
  if (tagPrefix !== undefined) where.push(`tag >= ${add(tagPrefix)} AND tag < ${add(tagPrefix + AFTER_ALL)}`);
  if (parentExecutionId !== undefined) where.push(`parent_execution_id = ${add(parentExecutionId)}`);
  if (filter.startedAfter !== undefined) where.push(`started_at >= ${add(utc(filter.startedAfter))}`);
  if (filter.startedBefore !== undefined) where.push(`started_at < ${add(utc(filter.startedBefore))}`);
  for (const word of words) {
    const small = literally(word.toLowerCase());
    where.push(`(searched LIKE ${add(`%${small}%`)} OR id LIKE ${add(`${small}%`)})`);
  }
  return { where: where.length === 0 ? "" : `WHERE ${where.join(" AND ")}`, values };
}

/** What means something in a pattern, as it is written. */
function literally(text: string): string {
  return text.replaceAll(/[\\%_]/g, "\\$&");
}

/** A time as the columns hold it, so that texts compare as times do. */
function utc(time: string): string {
  return new Date(time).toISOString();
}
