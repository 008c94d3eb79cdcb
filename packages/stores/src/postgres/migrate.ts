import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { MillraceError } from "@millrace/protocol";
import type { Ask, Database } from "./database.ts";

/** A step of the schema per file, in the order of their names. One that was released never changes. */
export const MIGRATIONS = join(import.meta.dirname, "migrations");

/** Under this number nodes that start at once take turns. Made up: it is in nobody's way. */
const LOCK = 4_707_211_023;

/**
 * How a migration says that programs of an older schema may go on with what it makes: those that know at least this
 * many migrations. Without it none but those that know the migration itself.
 */
const OLDEST_PROGRAM = /^-- oldest-program: (\d+)$/m;

/**
 * Runs the migrations that the database has not seen, each in a transaction with its number; other nodes that start
 * meanwhile wait. A database that a newer program has migrated is worked with where its migrations say that it can be.
 * @throws MillraceError STORE_UNREACHABLE where this program is too old for the database; it is left as it is
 */
export async function migrate(database: Database, folder = MIGRATIONS): Promise<void> {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith(".sql"))
    .sort();
  for (let isDone = false; !isDone; ) {
    isDone = await database.transaction(async (ask) => {
      await ask("SELECT pg_advisory_xact_lock($1)", [LOCK]);
      await ask(
        "CREATE TABLE IF NOT EXISTS schema_migrations (version integer PRIMARY KEY, name text NOT NULL, oldest_program integer NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())",
      );
      return next(ask, folder, files);
    });
  }
}

/** Runs the next migration; true where there is none. */
async function next(ask: Ask, folder: string, files: readonly string[]): Promise<boolean> {
  const [seen] = await ask(
    "SELECT coalesce(max(version), 0) AS version, coalesce(max(oldest_program), 0) AS oldest FROM schema_migrations",
  );
  const version = Number(seen?.version);
  const oldest = Number(seen?.oldest);
  if (oldest > files.length) {
    throw new MillraceError(
      "STORE_UNREACHABLE",
      `The database was migrated by a newer Millrace (schema ${version}), which those that know less than schema ${oldest} cannot work with; this one knows ${files.length}. Update Millrace, or use another database.`,
    );
  }
  const name = files[version];
  if (name === undefined) return true;
  const sql = readFileSync(join(folder, name), "utf8");
  await ask(sql);
  await ask("INSERT INTO schema_migrations (version, name, oldest_program) VALUES ($1, $2, $3)", [
    version + 1,
    name,
    Number(OLDEST_PROGRAM.exec(sql)?.[1] ?? version + 1),
  ]);
  return false;
}
