import type { SQLOutputValue } from "node:sqlite";

/** A row as SQLite returns it. */
export type Row = Record<string, SQLOutputValue>;

/** A column that may be null. */
export function text(value: SQLOutputValue | undefined): string | null {
  return value === null || value === undefined ? null : String(value);
}
