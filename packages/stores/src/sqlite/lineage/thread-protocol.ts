import type { ErrorCode } from "@millrace/protocol";

/** What the thread is started with. */
export interface ThreadData {
  readonly dataDir: string;
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
