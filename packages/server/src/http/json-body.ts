import type { IncomingHttpHeaders } from "node:http";
import { MillraceError, type ValidationError } from "@millrace/protocol";
import { findJsonError } from "./json-error.ts";

/** How deep arrays and objects of a body may be nested: deeper ones would overflow the stack of whoever walks them. */
export const MAX_JSON_DEPTH = 200;

/** A body: what it holds, that there is none, or why it is no JSON. */
export type JsonBody =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "none" }
  | { readonly kind: "broken"; readonly error: ValidationError };

/**
 * Reads a request's body. `null` counts as none.
 * @throws MillraceError UNSUPPORTED_MEDIA_TYPE where the body is compressed, or not declared to be JSON
 */
export function readJsonBody(body: unknown, headers: IncomingHttpHeaders): JsonBody {
  if (!Buffer.isBuffer(body) || body.length === 0) return { kind: "none" };
  const { "content-type": contentType, "content-encoding": encoding = "identity" } = headers;
  if (encoding.toLowerCase() !== "identity") {
    throw new MillraceError("UNSUPPORTED_MEDIA_TYPE", "The request's body is compressed; send it as it is.");
  }
  // Without a type, too: browsers send such a request from any page to any host without asking (CORS).
  if (!/^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(contentType ?? "")) {
    const sent = contentType === undefined ? "has no Content-Type" : `is ${contentType.slice(0, 100)}`;
    throw new MillraceError("UNSUPPORTED_MEDIA_TYPE", `The request's body ${sent}; send it as application/json.`);
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    return broken(0, "The body is not UTF-8");
  }
  const tooDeep = findTooDeep(text);
  if (tooDeep !== null) return broken(tooDeep, `Nested deeper than ${MAX_JSON_DEPTH} levels`);
  try {
    const value: unknown = JSON.parse(text);
    return value === null ? { kind: "none" } : { kind: "value", value };
  } catch {
    const { position, message } = findJsonError(text);
    return broken(position, message);
  }
}

/** The contract's `json_invalid`: `loc` ends with the place in the text. */
function broken(position: number, error: string): JsonBody {
  return {
    kind: "broken",
    error: { loc: ["body", position], msg: "JSON decode error", type: "json_invalid", input: {}, ctx: { error } },
  };
}

/** The place where the text is nested too deep, or null. Linear, and right for any well-formed text. */
function findTooDeep(text: string): number | null {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (quoted) {
      if (char === BACKSLASH) at += 1;
      else if (char === QUOTE) quoted = false;
    } else if (char === QUOTE) quoted = true;
    else if (char === OPEN_BRACKET || char === OPEN_BRACE) {
      depth += 1;
      if (depth > MAX_JSON_DEPTH) return at;
    } else if (char === CLOSE_BRACKET || char === CLOSE_BRACE) depth -= 1;
  }
  return null;
}

const QUOTE = 34;
const BACKSLASH = 92;
const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
