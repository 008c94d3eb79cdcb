/** A row as either driver returns it: numbers as numbers, all else that these scripts ask for as text. */
export type Row = Readonly<Record<string, unknown>>;

/** A value that either driver takes. */
export type Value = string | number | null;

/** One statement of a script. */
export interface Query {
  /** With the parameters `$1`, `$2`, … */
  readonly text: string;
  readonly values: readonly Value[];
  /** Where several nodes share the database: the rows that it reads are this script's until its end. `free`: but for those that are another's. */
  readonly lock?: "wait" | "free";
}

/**
 * Statements that are run in one transaction, each with the rows of the one before at hand: written once for a driver
 * that answers at once and one that does not. It may be run more than once, and throws nothing of its own.
 */
export type Script<T> = Generator<Query, T, readonly Row[]>;

/** Runs one statement within a script. */
export function* ask(text: string, values: readonly Value[] = [], lock?: "wait" | "free"): Script<readonly Row[]> {
  return yield lock === undefined ? { text, values } : { text, values, lock };
}

/** Runs scripts over one database. */
export interface Scripts {
  /** Runs one that changes something, whole or not at all. @throws MillraceError SERVICE_UNAVAILABLE */
  write<T>(script: () => Script<T>): Promise<T>;
  /** Runs one that only reads. @throws MillraceError SERVICE_UNAVAILABLE */
  read<T>(script: () => Script<T>): Promise<T>;
}

/** A column that may be null. */
export function text(value: unknown): string | null {
  return value === null || value === undefined ? null : String(value);
}

/** A column that may be null. */
export function number(value: unknown): number | null {
  return value === null || value === undefined ? null : Number(value);
}
