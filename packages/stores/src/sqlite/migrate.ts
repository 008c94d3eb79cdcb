import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { MillraceError } from "@millrace/protocol";

/** A step of the schema per file, in the order of their names. One that was released never changes. */
export const MIGRATIONS = join(import.meta.dirname, "migrations");

/** The schema that this program works with: how many migrations there are. */
export function newestSchema(folder = MIGRATIONS): number {
  return migrationsOf(folder).length;
}

/** The schema of a database: how many migrations it has seen. */
export function schemaOf(database: DatabaseSync): number {
  return Number(database.prepare("PRAGMA user_version").get()?.user_version ?? 0);
}

/**
 * Runs the migrations that the database has not seen, each in a transaction with its number: whenever the process dies,
 * the database has seen it whole or not at all.
 * @throws MillraceError DATA_DIR_UNUSABLE where a newer program has written the database; it is left as it is
 */
export function migrate(database: DatabaseSync, folder = MIGRATIONS): void {
  const files = migrationsOf(folder);
  const version = schemaOf(database);
  if (version > files.length) {
    throw new MillraceError(
      "DATA_DIR_UNUSABLE",
      `The database was written by a newer Millrace (schema ${version}, this one knows ${files.length}). Update Millrace, or choose another data directory.`,
    );
  }
  for (const [index, name] of files.entries()) {
    if (index < version) continue;
    database.exec("BEGIN IMMEDIATE");
    try {
      database.exec(readFileSync(join(folder, name), "utf8"));
      database.exec(`PRAGMA user_version = ${index + 1}`);
      database.exec("COMMIT");
    } catch (error) {
      // On a full disk SQLite has rolled back by itself, and a second time would hide why.
      if (database.isTransaction) database.exec("ROLLBACK");
      throw error;
    }
  }
}

function migrationsOf(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".sql"))
    .sort();
}
