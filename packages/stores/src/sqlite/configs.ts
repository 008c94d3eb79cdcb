import type { DatabaseSync } from "node:sqlite";
import type { ConfigRecord, ConfigVersionRecord, Page } from "@millrace/engine";
import type { SourceType } from "@millrace/protocol";
import { fileLoaded, versionStored } from "../config-conflicts.ts";
import { type Row, text } from "./columns.ts";
import type { Committer } from "./committer.ts";

const CONFIG =
  "c.id, c.project, c.name, c.description, c.source_type, c.source_path, c.version, c.created_at, c.updated_at, c.is_active, v.config_yaml, v.config_hash";
const CONFIG_FROM = "FROM configs c JOIN config_versions v ON v.config_id = c.id AND v.version = c.version";

const OF_CONFIG = "WHERE config_id = (SELECT id FROM configs WHERE id = ?1 AND project = ifnull(?2, project))";

/** The configs among the records, with their versions. */
export class SqliteConfigs {
  readonly #committer: Committer;
  readonly #sql;

  constructor(database: DatabaseSync, committer: Committer) {
    this.#committer = committer;
    this.#sql = {
      putConfig: database.prepare(
        "INSERT INTO configs (id, name, description, source_type, source_path, version, created_at, updated_at, is_active, project) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name, description = excluded.description, source_type = excluded.source_type, source_path = excluded.source_path, version = excluded.version, updated_at = excluded.updated_at, is_active = excluded.is_active WHERE configs.version < excluded.version",
      ),
      putVersion: database.prepare(
        "INSERT INTO config_versions (config_id, version, config_yaml, config_hash, created_at) VALUES (?, ?, ?, ?, ?)",
      ),
      otherOfSource: database.prepare(
        "SELECT id FROM configs WHERE source_path = ? AND source_type = 'file' AND project = ? AND id <> ? LIMIT 1",
      ),
      config: database.prepare(`SELECT ${CONFIG} ${CONFIG_FROM} WHERE c.id = ?1 AND c.project = ifnull(?2, c.project)`),
      configBySource: database.prepare(
        `SELECT ${CONFIG} ${CONFIG_FROM} WHERE c.source_path = ? AND c.source_type = 'file' AND c.project = ? ORDER BY c.rowid LIMIT 1`,
      ),
      configs: database.prepare(
        `SELECT ${CONFIG} ${CONFIG_FROM} WHERE c.project = ifnull(?1, c.project) ORDER BY c.rowid LIMIT ?2 OFFSET ?3`,
      ),
      configCount: database.prepare("SELECT count(*) AS total FROM configs WHERE project = ifnull(?1, project)"),
      versions: database.prepare(
        `SELECT version, config_hash, config_yaml, created_at FROM config_versions ${OF_CONFIG} ORDER BY version DESC LIMIT ?3 OFFSET ?4`,
      ),
      versionCount: database.prepare(`SELECT count(*) AS total FROM config_versions ${OF_CONFIG}`),
      deleteConfig: database.prepare("DELETE FROM configs WHERE id = ?1 AND project = ifnull(?2, project)"),
    };
  }

  put(config: ConfigRecord, { soleOfPath = false }: { readonly soleOfPath?: boolean } = {}): Promise<void> {
    return this.#committer.submit(
      () => {
        const other = soleOfPath
          ? this.#sql.otherOfSource.get(config.sourcePath, config.project, config.id)
          : undefined;
        if (other !== undefined) throw fileLoaded(config, String(other.id));
        const { changes } = this.#sql.putConfig.run(
          config.id,
          config.name,
          config.description,
          config.sourceType,
          config.sourcePath,
          config.version,
          config.createdAt,
          config.updatedAt,
          config.isActive ? 1 : 0,
          config.project,
        );
        if (Number(changes) === 0) throw versionStored(config);
        this.#sql.putVersion.run(config.id, config.version, config.configYaml, config.configHash, config.updatedAt);
      },
      { patient: false, weight: 0 },
    );
  }

  get(project: string | null, id: string): Promise<ConfigRecord | null> {
    return this.#committer.read(() => {
      const row = this.#sql.config.get(id, project);
      return row === undefined ? null : toConfig(row);
    });
  }

  getBySourcePath(project: string, sourcePath: string): Promise<ConfigRecord | null> {
    return this.#committer.read(() => {
      const row = this.#sql.configBySource.get(sourcePath, project);
      return row === undefined ? null : toConfig(row);
    });
  }

  list(project: string | null, page: { limit: number; offset: number }): Promise<Page<ConfigRecord>> {
    return this.#committer.read(() => {
      const total = Number(this.#sql.configCount.get(project)?.total);
      return { total, items: this.#sql.configs.all(project, page.limit, page.offset).map(toConfig) };
    });
  }

  listVersions(
    project: string | null,
    id: string,
    page: { limit: number; offset: number },
  ): Promise<Page<ConfigVersionRecord>> {
    return this.#committer.read(() => {
      const items = this.#sql.versions.all(id, project, page.limit, page.offset).map((row) => ({
        version: Number(row.version),
        configHash: String(row.config_hash),
        configYaml: String(row.config_yaml),
        createdAt: String(row.created_at),
      }));
      return { total: Number(this.#sql.versionCount.get(id, project)?.total), items };
    });
  }

  delete(project: string | null, id: string): Promise<boolean> {
    return this.#committer.submit(() => Number(this.#sql.deleteConfig.run(id, project).changes) > 0, {
      patient: false,
      weight: 0,
    });
  }
}

function toConfig(row: Row): ConfigRecord {
  return {
    id: String(row.id),
    project: String(row.project),
    name: String(row.name),
    description: text(row.description),
    // Only this class writes the column, from records of this type.
    sourceType: row.source_type as SourceType,
    sourcePath: text(row.source_path),
    configYaml: String(row.config_yaml),
    configHash: String(row.config_hash),
    version: Number(row.version),
    createdAt: String(row.created_at),
    updatedAt: String(row.updated_at),
    isActive: row.is_active === 1,
  };
}
