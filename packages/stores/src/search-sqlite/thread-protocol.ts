import type { ErrorCode } from "@millrace/protocol";
import type { KeptCollections } from "../search/project-index.ts";

/** What the thread is started with. */
export interface ThreadData {
  readonly dataDir: string;
}

/** A question to the thread: a method of the index. */
export interface Question {
  readonly id: number;
  readonly method: keyof KeptCollections;
  readonly args: readonly unknown[];
}

/** Its answer: a value, or what went wrong. */
export type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: { readonly code: ErrorCode; readonly message: string } };
