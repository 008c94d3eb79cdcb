import type { DatabaseSync } from "node:sqlite";
import type {
  ExecutionFilter,
  ExecutionRecord,
  FoundExecution,
  Page,
  ProjectCounts,
  RecordsView,
} from "@millrace/engine";
import { ConfigsView } from "../configs-view.ts";
import { oneOfName } from "../find-by-name.ts";
import { countProjects } from "../project-counts.ts";
import type { Row } from "./columns.ts";
import type { Committer } from "./committer.ts";
import type { SqliteConfigs } from "./configs.ts";
import { EXECUTION, toExecution } from "./execution-row.ts";
import { listExecutions } from "./list-executions.ts";

/** @see executionStatements */
export type ExecutionStatements = ReturnType<typeof executionStatements>;

/** What an execution is found by; prepared once, for the views of all projects. */
export function executionStatements(database: DatabaseSync) {
  // One that is another project's costs what one costs that is not there.
  const byId = "WHERE id = ?1 AND project = ifnull(?2, project)";
  const byTag = "WHERE tag = ?1 AND project = ifnull(?2, project) ORDER BY project <> 'default' LIMIT 2";
  const status = "SELECT id, project, status FROM executions";
  const whole = `SELECT ${EXECUTION} FROM executions`;
  return {
    status: { byId: database.prepare(`${status} ${byId}`), byTag: database.prepare(`${status} ${byTag}`) },
    whole: { byId: database.prepare(`${whole} ${byId}`), byTag: database.prepare(`${whole} ${byTag}`) },
  };
}

/** Configs and executions of one project, or of all, in SQLite. */
export class SqliteRecordsView extends ConfigsView implements RecordsView {
  readonly #database: DatabaseSync;
  readonly #committer: Committer;
  readonly #sql: ExecutionStatements;

  constructor(
    database: DatabaseSync,
    committer: Committer,
    configs: SqliteConfigs,
    statements: ExecutionStatements,
    project: string | null,
  ) {
    super(configs, project);
    this.#database = database;
    this.#committer = committer;
    this.#sql = statements;
  }

  findExecution(idOrTag: string): Promise<FoundExecution | null> {
    return this.#committer.read(() => {
      const row = this.#row(this.#sql.status, idOrTag);
      if (row === undefined) return null;
      // Written by this store alone.
      const status = row.status as FoundExecution["status"];
      return { id: String(row.id), project: String(row.project), status };
    });
  }

  getExecution(idOrTag: string): Promise<ExecutionRecord | null> {
    return this.#committer.read(() => {
      const row = this.#row(this.#sql.whole, idOrTag);
      return row === undefined ? null : toExecution(row);
    });
  }

  listExecutions(filter: ExecutionFilter): Promise<Page<ExecutionRecord>> {
    return this.#committer.read(() => listExecutions(this.#database, this.project, filter));
  }

  projects(): Promise<ProjectCounts[]> {
    const project = this.project;
    return this.#committer.read(() =>
      countProjects((sql) => this.#database.prepare(sql).all(...(project === null ? [] : [project])), project),
    );
  }

  #row({ byId, byTag }: ExecutionStatements["whole"], idOrTag: string): Row | undefined {
    const found = byId.get(idOrTag, this.project);
    if (found !== undefined) return found;
    // Rows have all that was selected.
    return oneOfName(byTag.all(idOrTag, this.project) as (Row & { readonly project: unknown })[]);
  }
}
