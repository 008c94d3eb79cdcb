import type { ProjectCounts } from "@millrace/engine";

/** What is counted, and where. */
const COUNTED = [
  ["configs", "configs", ""],
  ["executions", "executions", ""],
  ["running", "executions", "status IN ('running', 'interrupted')"],
  ["triggers", "triggers", ""],
  ["webhooks", "webhooks", ""],
] as const;

/**
 * How much there is of each project, by name: of one, where it is given, whether there is anything of it or not.
 * @param rows runs a statement, with the project as its one value where it is given
 */
export function countProjects(
  rows: (sql: string) => readonly Readonly<Record<string, unknown>>[],
  project: string | null,
): ProjectCounts[] {
  return toProjects(rows(projectCountsSql(project, "?1")), project);
}

/** The statement that counts; `parameter` stands for the project, where one is given. */
export function projectCountsSql(project: string | null, parameter: string): string {
  return COUNTED.map(([what, table, condition]) => {
    const where = [...(project === null ? [] : [`project = ${parameter}`]), ...(condition === "" ? [] : [condition])];
    return `SELECT project, '${what}' AS what, count(*) AS n FROM ${table} ${where.length === 0 ? "" : `WHERE ${where.join(" AND ")}`} GROUP BY project`;
  }).join(" UNION ALL ");
}

/** What the statement's rows say. */
export function toProjects(
  rows: readonly Readonly<Record<string, unknown>>[],
  project: string | null,
): ProjectCounts[] {
  const none = { configs: 0, executions: 0, running: 0, triggers: 0, webhooks: 0 };
  const found = new Map<string, Record<string, number>>(project === null ? [] : [[project, {}]]);
  for (const row of rows) {
    const name = String(row.project);
    found.set(name, { ...found.get(name), [String(row.what)]: Number(row.n) });
  }
  return [...found].map(([name, counts]) => ({ ...none, ...counts, name })).sort((a, b) => (a.name < b.name ? -1 : 1));
}
