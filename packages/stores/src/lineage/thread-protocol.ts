import type { ErrorCode } from "@millrace/protocol";

/** Whose journal is read: that of a data directory, or of a database of PostgreSQL. */
export type JournalPlace =
  | { readonly kind: "sqlite"; readonly dataDir: string }
  | { readonly kind: "postgres"; readonly url: string };

/** What the thread is started with. */
export interface ThreadData {
  readonly journal: JournalPlace;
  /** Where the projection's file is. */
  readonly folder: string;
  /** How long one question waits for the journal to be read. */
  readonly patienceMs: number;
}

/** A question to the thread: a method of the reader. */
export interface Question {
  readonly id: number;
  readonly method: "entries" | "stats" | "story" | "relatives" | "sweep";
  readonly args: readonly unknown[];
}

/** Its answer: a value, or what went wrong. */
export type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: { readonly code: ErrorCode; readonly message: string } };
