import type { Step } from "../definition/definition.ts";

/** A text without the secrets of the step that it is of: events and logs are read by whoever may watch. */
export function redact(text: string, { redactor }: Step): string {
  return redactor === null ? text : redactor.redact(text);
}
