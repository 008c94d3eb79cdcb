import type { ConfigRecord, ConfigVersionRecord, Page } from "@millrace/engine";
import type { SourceType } from "@millrace/protocol";
import { fileLoaded, versionStored } from "../config-conflicts.ts";
import { LOCKS, lockNumber } from "./advisory-locks.ts";
import { changing } from "./changing.ts";
import { type Row, text } from "./columns.ts";
import type { Database } from "./database.ts";
import { isStorable, storable } from "./execution-row.ts";

const CONFIG =
  "c.id, c.project, c.name, c.description, c.source_type, c.source_path, c.version, c.created_at, c.updated_at, c.is_active, v.config_yaml, v.config_hash";
const CONFIG_FROM = "FROM configs c JOIN config_versions v ON v.config_id = c.id AND v.version = c.version";

/** Only the first version makes a config; a later one changes the one before it. */
const PUT = {
  name: "config-put",
  text: "INSERT INTO configs (id, name, description, source_type, source_path, version, created_at, updated_at, is_active, project) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO UPDATE SET name = excluded.name, description = excluded.description, source_type = excluded.source_type, source_path = excluded.source_path, version = excluded.version, updated_at = excluded.updated_at, is_active = excluded.is_active WHERE configs.version < excluded.version RETURNING id",
};

const PUT_VERSION = {
  name: "config-put-version",
  text: "INSERT INTO config_versions (config_id, version, config_yaml, config_hash, created_at) VALUES ($1, $2, $3, $4, $5)",
};

const OF_PATH = {
  name: "config-of-path",
  text: "SELECT id FROM configs WHERE source_path = $1 AND source_type = 'file' AND id <> $2 AND project = $3 LIMIT 1",
};

const BY_ID = {
  name: "config-by-id",
  text: `SELECT ${CONFIG} ${CONFIG_FROM} WHERE c.id = $1 AND ($2::text IS NULL OR c.project = $2)`,
};

const BY_PATH = {
  name: "config-by-path",
  text: `SELECT ${CONFIG} ${CONFIG_FROM} WHERE c.source_path = $1 AND c.source_type = 'file' AND c.project = $2 ORDER BY c.key LIMIT 1`,
};

const LIST = {
  name: "config-list",
  text: `SELECT ${CONFIG} ${CONFIG_FROM} WHERE $3::text IS NULL OR c.project = $3 ORDER BY c.key LIMIT $1 OFFSET $2`,
};

const COUNT = {
  name: "config-count",
  text: "SELECT count(*) AS total FROM configs WHERE $1::text IS NULL OR project = $1",
};

const OF_CONFIG = "WHERE config_id = (SELECT id FROM configs WHERE id = $1 AND ($2::text IS NULL OR project = $2))";

const VERSIONS = {
  name: "config-versions",
  text: `SELECT version, config_hash, config_yaml, created_at FROM config_versions ${OF_CONFIG} ORDER BY version DESC LIMIT $3 OFFSET $4`,
};

const VERSION_COUNT = {
  name: "config-version-count",
  text: `SELECT count(*) AS total FROM config_versions ${OF_CONFIG}`,
};

/** The configs among the records, with their versions. */
export class PostgresConfigs {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  put(config: ConfigRecord, { soleOfPath = false }: { readonly soleOfPath?: boolean } = {}): Promise<void> {
    const path = config.sourcePath === null ? null : storable(config.sourcePath);
    return changing(this.#database, async (ask) => {
      if (soleOfPath && path !== null) {
        // Others who load the file wait for this one, and then see what it made of it.
        await ask("SELECT pg_advisory_xact_lock($1, $2)", [LOCKS.configPath, lockNumber(path)]);
        const [other] = await ask(OF_PATH, [path, config.id, config.project]);
        if (other !== undefined) throw fileLoaded(config, String(other.id));
      }
      const [put] = await ask(PUT, [
        config.id,
        storable(config.name),
        config.description === null ? null : storable(config.description),
        config.sourceType,
        path,
        config.version,
        config.createdAt,
        config.updatedAt,
        config.isActive,
        config.project,
      ]);
      if (put === undefined) throw versionStored(config);
      const yaml = storable(config.configYaml);
      await ask(PUT_VERSION, [config.id, config.version, yaml, config.configHash, config.updatedAt]);
    });
  }

  async get(project: string | null, id: string): Promise<ConfigRecord | null> {
    if (!isStorable(id)) return null;
    const [row] = await this.#database.read(BY_ID, [id, project]);
    return row === undefined ? null : toConfig(row);
  }

  async getBySourcePath(project: string, sourcePath: string): Promise<ConfigRecord | null> {
    const [row] = await this.#database.read(BY_PATH, [storable(sourcePath), project]);
    return row === undefined ? null : toConfig(row);
  }

  async list(
    project: string | null,
    { limit, offset }: { limit: number; offset: number },
  ): Promise<Page<ConfigRecord>> {
    const [count] = await this.#database.read(COUNT, [project]);
    return {
      total: Number(count?.total),
      items: (await this.#database.read(LIST, [limit, offset, project])).map(toConfig),
    };
  }

  async listVersions(
    project: string | null,
    id: string,
    { limit, offset }: { limit: number; offset: number },
  ): Promise<Page<ConfigVersionRecord>> {
    if (!isStorable(id)) return { total: 0, items: [] };
    const [count] = await this.#database.read(VERSION_COUNT, [id, project]);
    const rows = await this.#database.read(VERSIONS, [id, project, limit, offset]);
    const items = rows.map((row) => ({
      version: Number(row.version),
      configHash: String(row.config_hash),
      configYaml: String(row.config_yaml),
      createdAt: String(row.created_at),
    }));
    return { total: Number(count?.total), items };
  }

  async delete(project: string | null, id: string): Promise<boolean> {
    if (!isStorable(id)) return false;
    return changing(this.#database, async (ask) => {
      const sql = "DELETE FROM configs WHERE id = $1 AND ($2::text IS NULL OR project = $2) RETURNING id";
      return (await ask(sql, [id, project])).length > 0;
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
    isActive: row.is_active === true,
  };
}
