import type { JsonObject } from "@millrace/protocol";

/** What a script's process is told first. */
export interface ScriptSetup {
  /** JavaScript. */
  readonly code: string;
  readonly name: string;
  readonly columnOffset: number;
  readonly maxMessages: number;
  readonly timeMs: number;
}

/** A message on its way to a script, as JSON. */
export interface ScriptCall {
  readonly payloadJson: string;
  readonly messageJson: string;
}

/** What a script's process says. All of it is text, and none of it is believed. */
export type ScriptAnswer = { readonly kind: "ready" } | { readonly kind: "answer"; readonly json: string };

/** What is in an answer. */
export interface ScriptResult {
  readonly emits?: readonly JsonObject[];
  readonly log?: readonly string[];
  /** What it threw. */
  readonly error?: { readonly message: string; readonly place: string | null; readonly retryable: boolean };
}
