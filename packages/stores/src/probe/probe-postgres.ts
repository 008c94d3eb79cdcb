import { readdirSync } from "node:fs";
import { Client } from "pg";
import { clientConfig } from "../postgres/connection.ts";
import { MIGRATIONS } from "../postgres/migrate.ts";
import { unreachable } from "../postgres/unreachable.ts";

/** What a look at the database of many nodes found. Nothing in it was changed. */
export type PostgresProbe =
  | { readonly kind: "unreachable"; readonly message: string }
  | {
      readonly kind: "reached";
      readonly version: string;
      readonly versionNumber: number;
      readonly encoding: string;
      readonly isStandby: boolean;
      readonly isSuperuser: boolean;
      readonly mayCreate: boolean;
      /** Tables of the service that belong to another role. */
      readonly foreignTables: readonly string[];
      readonly synchronousCommit: string;
      readonly connections: { readonly used: number; readonly max: number };
      /** `installed`, or only `available`, or `absent`. */
      readonly pgvector: "installed" | "available" | "absent";
      /** Null where no node has ever been there. */
      readonly schema: { readonly database: number; readonly oldestProgram: number; readonly program: number } | null;
      /** API keys: those that open something, and all that were made; null where the database cannot be asked. */
      readonly keys: { readonly live: number; readonly made: number } | null;
      /** The service's id; null where it has none yet. */
      readonly clusterId: string | null;
      /** Milliseconds by which the database's clock is ahead of this machine's. */
      readonly skewMs: number;
    };

/** Milliseconds that a look may take. */
const CONNECT_MS = 5_000;
const QUERY_MS = 5_000;

const SERVER = `SELECT current_setting('server_version') AS version, current_setting('server_version_num')::integer AS number,
  current_setting('server_encoding') AS encoding, pg_is_in_recovery() AS is_standby,
  (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS is_superuser,
  coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_create,
  current_setting('synchronous_commit') AS synchronous_commit,
  (SELECT count(*)::integer FROM pg_stat_activity WHERE backend_type = 'client backend') AS used,
  current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer AS max,
  (SELECT CASE WHEN EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'vector') THEN 'installed'
    WHEN EXISTS (SELECT 1 FROM pg_available_extensions WHERE name = 'vector') THEN 'available' ELSE 'absent' END) AS pgvector,
  to_regclass('schema_migrations') IS NOT NULL AND to_regclass('meta') IS NOT NULL AS is_ours,
  (SELECT coalesce(array_agg(tablename::text), '{}') FROM pg_tables WHERE schemaname = current_schema()
    AND tablename IN ('schema_migrations', 'meta', 'executions') AND NOT pg_has_role(tableowner, 'USAGE')) AS foreign_tables`;

const SCHEMA =
  "SELECT coalesce(max(version), 0) AS version, coalesce(max(oldest_program), 0) AS oldest, (SELECT value FROM meta WHERE key = 'cluster_id') AS cluster_id FROM schema_migrations";

const KEYS =
  "SELECT count(*)::integer AS made, (count(*) FILTER (WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1)))::integer AS live FROM api_keys";

const NOW = "SELECT extract(epoch FROM clock_timestamp()) * 1000 AS now";

/** Connects once, asks, and leaves. The message says what to do, and shows no password. */
export async function probePostgres(url: string): Promise<PostgresProbe> {
  const client = new Client({
    ...clientConfig({ url, name: "millrace doctor" }),
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: QUERY_MS,
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return await ask(client);
  } catch (error) {
    return { kind: "unreachable", message: unreachable(url, error).message };
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function ask(client: Client): Promise<PostgresProbe> {
  const one = async (text: string, values: unknown[] = []): Promise<Record<string, unknown>> =>
    (await client.query(text, values)).rows[0] ?? {};
  const server = await one(SERVER);
  const asked = Date.now();
  const { now } = await one(NOW);
  const answered = Date.now();
  const ours = server.is_ours === true ? await one(SCHEMA).catch(() => null) : null;
  const keys = ours === null ? { live: 0, made: 0 } : await one(KEYS, [Date.now()]).catch(() => null);
  const { foreign_tables: foreign, pgvector } = server;
  return {
    kind: "reached",
    version: String(server.version),
    versionNumber: Number(server.number),
    encoding: String(server.encoding),
    isStandby: server.is_standby === true,
    isSuperuser: server.is_superuser === true,
    mayCreate: server.may_create === true,
    // The driver is told to hand out arrays as text, as `{a,b}`.
    foreignTables: String(foreign)
      .split(/[{},]/)
      .filter((name) => name !== ""),
    synchronousCommit: String(server.synchronous_commit),
    connections: { used: Number(server.used), max: Number(server.max) },
    pgvector: pgvector === "installed" || pgvector === "available" ? pgvector : "absent",
    schema:
      ours === null
        ? null
        : { database: Number(ours.version), oldestProgram: Number(ours.oldest), program: knownMigrations() },
    keys: keys === null ? null : { live: Number(keys.live), made: Number(keys.made) },
    clusterId: typeof ours?.cluster_id === "string" ? ours.cluster_id : null,
    skewMs: Number(now) - (asked + answered) / 2,
  };
}

function knownMigrations(): number {
  return readdirSync(MIGRATIONS).filter((name) => name.endsWith(".sql")).length;
}
