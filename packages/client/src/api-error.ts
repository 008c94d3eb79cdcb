import type { ErrorCode, ValidationError } from "@millrace/protocol";

/** What the service refused, or failed at. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** The HTTP status; 0 where the service could not be reached. */
  readonly status: number;
  /** A code of the documented list; null where the answer has none. */
  readonly code: ErrorCode | (string & {}) | null;
  readonly correlationId: string | null;
  /** With 422: every error of the request. */
  readonly validationErrors: readonly ValidationError[];
  /** The answer's body. */
  readonly body: unknown;
  /** How long to wait before trying again, in milliseconds, where the service says. */
  readonly retryAfterMs: number | null;

  constructor(status: number, message: string, more: Partial<Omit<ApiError, "status" | "message" | "name">> = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.status = status;
    this.code = more.code ?? null;
    this.correlationId = more.correlationId ?? null;
    this.validationErrors = more.validationErrors ?? [];
    this.body = more.body ?? null;
    this.retryAfterMs = more.retryAfterMs ?? null;
  }
}

/** Reads what an answer that is not a success says. */
export async function toApiError(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => "");
  const body = parse(text);
  const after = Number(response.headers.get("retry-after") ?? Number.NaN);
  const retryAfterMs = Number.isFinite(after) ? after * 1000 : null;
  const correlationId = response.headers.get("x-request-id");
  if (typeof body !== "object" || body === null || !("detail" in body)) {
    const what = body === null ? ", without the JSON of Millrace. Is the address right?" : ".";
    return new ApiError(response.status, `The service answered ${response.status}${what}`, {
      body,
      correlationId,
      retryAfterMs,
    });
  }
  if (Array.isArray(body.detail)) {
    // The contract's HTTPValidationError.
    const validationErrors = body.detail as ValidationError[];
    const message = validationErrors
      .map((error) => `${error.loc.slice(1).join(".") || error.loc[0]}: ${error.msg}`)
      .join("; ");
    return new ApiError(response.status, message, { body, correlationId, retryAfterMs, validationErrors });
  }
  const code = "error_code" in body && typeof body.error_code === "string" ? body.error_code : null;
  return new ApiError(response.status, String(body.detail), { body, code, correlationId, retryAfterMs });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
