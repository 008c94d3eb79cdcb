import { knownSecrets } from "@millrace/engine";
import {
  ERROR_CODES,
  type ErrorCode,
  type ErrorResponse,
  MillraceError,
  type ValidationError,
} from "@millrace/protocol";
import { ValidationFailure } from "./validation.ts";

export { ValidationFailure } from "./validation.ts";

/** An error as the HTTP edge answers it: one of the contract's two shapes. */
export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ErrorResponse | { readonly detail: readonly ValidationError[] };
}

/** How long a client should wait before it tries again, in seconds. */
const RETRY_AFTER: Partial<Record<ErrorCode, string>> = {
  SERVICE_UNAVAILABLE: "2",
  STREAMER_UNAVAILABLE: "2",
  STORE_UNREACHABLE: "2",
  NODE_UNREACHABLE: "2",
  SECRET_UNAVAILABLE: "5",
  EXECUTION_MOVED: "1",
  // It does not mend itself.
  STORE_DAMAGED: "60",
  LINEAGE_NOT_READY: "5",
  TOO_MANY_SUBSCRIBERS: "5",
  TOO_MANY_EXECUTIONS: "5",
};

/** The answer to a failed request. Of faults of the service itself (500) it says nothing but the correlation id. */
export function toAnswer(error: unknown, correlationId: string): ErrorAnswer {
  if (error instanceof ValidationFailure) return { status: 422, headers: {}, body: { detail: error.errors } };
  const known = error instanceof MillraceError ? error : fromFramework(error);
  const { status } = ERROR_CODES[known.code];
  if (status === 500) {
    const detail = "The service has failed on this request. Its log has the cause, under the correlation id.";
    return { status, headers: {}, body: errorBody("INTERNAL", detail, correlationId) };
  }
  const retryAfter = RETRY_AFTER[known.code];
  return {
    status,
    headers: retryAfter === undefined ? {} : { "retry-after": retryAfter },
    body: { ...errorBody(known.code, knownSecrets.redact(known.message), correlationId), ...known.details },
  };
}

/** The contract's `ErrorResponse`. */
export function errorBody(code: ErrorCode, detail: string, correlationId: string): ErrorResponse {
  return { detail, error_code: code, correlation_id: correlationId, timestamp: new Date().toISOString() };
}

/** What the HTTP framework refuses by itself. */
function fromFramework(error: unknown): MillraceError {
  const { code, statusCode } = fieldsOf(error);
  switch (code) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return new MillraceError("PAYLOAD_TOO_LARGE", "The request's body is larger than max_body_bytes allows.");
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
      return new MillraceError("UNSUPPORTED_MEDIA_TYPE", "The request's body must be application/json.");
    case "FST_ERR_CTP_INVALID_CONTENT_LENGTH":
      return new MillraceError("REQUEST_MALFORMED", "The request's body is not as long as its Content-Length says.");
    case "FST_ERR_BAD_URL":
      return new MillraceError(
        "REQUEST_MALFORMED",
        "The request's path is not well-formed: its percent-encoding is broken.",
      );
    case "FST_ERR_MAX_PARAM_LENGTH":
      return new MillraceError("ROUTE_NOT_FOUND", "A part of the path is too long to name anything.");
    // The client went away while it was sending; nobody reads the answer.
    case "ECONNRESET":
    case "ERR_STREAM_PREMATURE_CLOSE":
      return new MillraceError("REQUEST_MALFORMED", "The request ended before its body was complete.");
    default:
      return typeof statusCode === "number" && statusCode >= 400 && statusCode < 500
        ? new MillraceError("REQUEST_MALFORMED", "The request is not well-formed.", { cause: error })
        : new MillraceError("INTERNAL", "unhandled", { cause: error });
  }
}

function fieldsOf(error: unknown): { readonly code?: unknown; readonly statusCode?: unknown } {
  return typeof error === "object" && error !== null ? error : {};
}
