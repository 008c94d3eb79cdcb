import { AdapterError } from "@millrace/engine";
import { HostPaused } from "./host-pace.ts";

/** Thrown by those who ask, to give up a request where a redirect leads: it is passed on as it is. */
export class Refusal extends Error {
  override readonly name: string = "Refusal";
}

/** A URL as errors and events may show it: credentials, and what follows the `?`, may be secret. */
export function shown(url: URL): string {
  return `${url.origin}${url.pathname}${url.search === "" ? "" : "?…"}`;
}

/** What a request to `url` failed with, as an adapter says it. `seconds`: what it was given, where that is over. */
export function httpFailure(error: unknown, url: URL, timedOutAfter: number | null): Error {
  if (error instanceof AdapterError || error instanceof Refusal) return error;
  if (timedOutAfter !== null) {
    return new AdapterError("HTTP_TIMEOUT", `${shown(url)} did not answer within ${timedOutAfter} s.`, {
      cause: error,
    });
  }
  if (error instanceof HostPaused) {
    const seconds = Math.ceil(error.forMs / 1000);
    const text = `${url.host} asked to be left alone for ${seconds} s more, which is longer than timeout_seconds.`;
    return new AdapterError("HTTP_HOST_PAUSED", text, { retryAfterMs: error.forMs });
  }
  const refused = named(error, "AddressRefused");
  if (refused !== null) {
    const text = `The request to ${shown(url)} is refused: ${refused.message}. Whoever runs the service can allow the host (http_allow_hosts).`;
    return new AdapterError("HTTP_ADDRESS_REFUSED", text, { retryable: false, cause: error });
  }
  const code = codeOf(error);
  if (
    code === "UND_ERR_INVALID_ARG" ||
    code === "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH" ||
    code === "UND_ERR_NOT_SUPPORTED"
  ) {
    // Headers that belong to the connection, as transfer-encoding: the reason names the one.
    return new AdapterError("HEADER_INVALID", `The headers cannot be sent: ${reason(error)}.`, {
      retryable: false,
      cause: error,
    });
  }
  if (code === "UND_ERR_HEADERS_OVERFLOW") {
    return new AdapterError(
      "HTTP_HEADERS_TOO_LARGE",
      `The head of the answer of ${shown(url)} has more than ${MAX_HEAD_BYTES} bytes.`,
      {
        retryable: false,
        cause: error,
      },
    );
  }
  return new AdapterError("HTTP_FAILED", `The request to ${shown(url)} failed: ${reason(error)}.`, { cause: error });
}

/** The longest head of an answer that is read, in bytes. */
export const MAX_HEAD_BYTES = 64 * 1024;

/** An error of that name, or the one that is its cause; null where it is none. */
function named(error: unknown, name: string): Error | null {
  for (let each = error; each instanceof Error; each = each.cause) if (each.name === name) return each;
  return null;
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // A name with several addresses fails once for each.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : undefined;
  if (first instanceof Error && error.message === "") return first.message;
  if (error.cause instanceof Error && error.cause.message !== "") return error.cause.message;
  return error.message;
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
