import { type EventError, type MessageErrorCode, MillraceError } from "@millrace/protocol";
import { AdapterError } from "../adapter.ts";
import { knownSecrets } from "../secrets/redactor.ts";

/** The longest message of an error that goes into an event, in characters. */
const MAX_MESSAGE = 2_000;

const CODE = /^[A-Z][A-Z0-9_]{0,63}$/;

/** An error that the engine itself gives to a message. */
export function messageError(code: MessageErrorCode, message: string, retryable: boolean): EventError {
  return { code, message: knownSecrets.redact(message), retryable };
}

/** What a `failed` event says of whatever an adapter threw: an error, or anything else. */
export function toEventError(thrown: unknown): EventError {
  if (thrown instanceof AdapterError) {
    return {
      code: CODE.test(thrown.code) && knownSecrets.redact(thrown.code) === thrown.code ? thrown.code : "ADAPTER_ERROR",
      message: shorten(thrown.message),
      retryable: thrown.retryable,
    };
  }
  if (thrown instanceof MillraceError) {
    return { code: thrown.code, message: shorten(thrown.message), retryable: true };
  }
  return { code: "ADAPTER_ERROR", message: shorten(describe(thrown)), retryable: !refusesRetry(thrown) };
}

function describe(thrown: unknown): string {
  try {
    if (thrown instanceof Error) {
      const cause = thrown.cause instanceof Error && thrown.cause.message !== "" ? `: ${thrown.cause.message}` : "";
      return (thrown.message === "" ? thrown.name : thrown.message) + cause;
    }
    if (typeof thrown === "string") return thrown;
    return `The adapter threw ${JSON.stringify(thrown) ?? String(thrown)}`;
  } catch {
    return "The adapter threw something that cannot be shown.";
  }
}

function refusesRetry(thrown: unknown): boolean {
  return typeof thrown === "object" && thrown !== null && "retryable" in thrown && thrown.retryable === false;
}

/** Without secrets first: half of one is one as well. */
function shorten(text: string): string {
  const shown = knownSecrets.redact(text);
  return shown.length <= MAX_MESSAGE ? shown : `${shown.slice(0, MAX_MESSAGE)}…`;
}
