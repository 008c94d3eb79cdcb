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
import { projectCountsSql, toProjects } from "../project-counts.ts";
import type { Row } from "./columns.ts";
import type { PostgresConfigs } from "./configs.ts";
import type { Statement } from "./connection.ts";
import type { Database } from "./database.ts";
import { EXECUTION, isStorable, toExecution } from "./execution-row.ts";
import { listExecutions } from "./list-executions.ts";

/** An id comes before a tag. One that is another project's costs what one costs that is not there. */
const BY_NAME =
  "WHERE (id = $1 OR tag = $1) AND ($2::text IS NULL OR project = $2) ORDER BY (id = $1) DESC, (project = 'default') DESC LIMIT 2";

const WHOLE_BY_NAME = { name: "execution-by-name", text: `SELECT ${EXECUTION} FROM executions ${BY_NAME}` };

const STATUS_BY_NAME = {
  name: "execution-status-by-name",
  text: `SELECT id, project, status FROM executions ${BY_NAME}`,
};

/** Configs and executions of one project, or of all, in PostgreSQL. */
export class PostgresRecordsView extends ConfigsView implements RecordsView {
  readonly #database: Database;

  constructor(database: Database, configs: PostgresConfigs, project: string | null) {
    super(configs, project);
    this.#database = database;
  }

  async findExecution(idOrTag: string): Promise<FoundExecution | null> {
    const row = await this.#one(STATUS_BY_NAME, idOrTag);
    if (row === undefined) return null;
    // Written by this store alone.
    const status = row.status as FoundExecution["status"];
    return { id: String(row.id), project: String(row.project), status };
  }

  async getExecution(idOrTag: string): Promise<ExecutionRecord | null> {
    const row = await this.#one(WHOLE_BY_NAME, idOrTag);
    return row === undefined ? null : toExecution(row);
  }

  listExecutions(filter: ExecutionFilter): Promise<Page<ExecutionRecord>> {
    return listExecutions(this.#database, this.project, filter);
  }

  async projects(): Promise<ProjectCounts[]> {
    const project = this.project;
    const sql = projectCountsSql(project, "$1");
    return toProjects(await this.#database.read(sql, project === null ? [] : [project]), project);
  }

  async #one(statement: Statement, name: string): Promise<Row | undefined> {
    if (!isStorable(name)) return undefined;
    // Rows have all that was selected.
    const rows = (await this.#database.read(statement, [name, this.project])) as (Row & {
      readonly project: unknown;
    })[];
    return rows[0]?.id === name ? rows[0] : oneOfName(rows);
  }
}
