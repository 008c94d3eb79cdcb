import { AdapterError, type Message, type Template, templateField } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import { z } from "zod";
import { templateInput } from "./template-input.ts";

/** Where a message has its HTML, and what the HTML's links are relative to. */
export const htmlFields = {
  field: z
    .string()
    .min(1)
    .optional()
    .describe("The field that holds the HTML; default the first of `html`, `body` and `text` that is a text"),
  base_url: templateField()
    .min(1)
    .optional()
    .describe("The page's URL, to resolve its links against, with `${…}` over the message; default its `url`, if any"),
  max_bytes: z
    .int()
    .min(1)
    .max(16 * 1024 * 1024)
    .default(2 * 1024 * 1024)
    .describe("The longest HTML that is parsed, in bytes"),
};

/** In this order: what an extraction left, what a request brought, what a file held. */
const FIELDS = ["html", "body", "text"] as const;

/** A message's HTML, and the rest of its payload. */
export interface HtmlSource {
  readonly html: string;
  readonly rest: JsonObject;
}

/**
 * Takes the HTML out of a payload.
 * @throws AdapterError HTML_MISSING or HTML_TOO_LARGE, not retryable
 */
export function takeHtml(payload: JsonObject, field: string | undefined, maxBytes: number): HtmlSource {
  const name = field ?? FIELDS.find((each) => typeof payload[each] === "string") ?? FIELDS[0];
  const { [name]: html, ...rest } = payload;
  if (typeof html !== "string") {
    const where = field === undefined ? '"html", "body" or "text"' : `"${field}"`;
    throw new AdapterError("HTML_MISSING", `The message has no text ${where}.`, { retryable: false });
  }
  if (name === "body" && payload.body_encoding === "base64") {
    throw new AdapterError("HTML_MISSING", 'The "body" is no text: its bytes are not in the encoding of the answer.', {
      retryable: false,
    });
  }
  const bytes = Buffer.byteLength(html);
  if (bytes > maxBytes) {
    throw new AdapterError("HTML_TOO_LARGE", `The HTML has ${bytes} bytes; max_bytes is ${maxBytes}.`, {
      retryable: false,
    });
  }
  return { html, rest };
}

/**
 * The page's URL; null where the message has none. Anything but a whole http or https URL in `url` is none: a path, say.
 * @throws AdapterError BASE_URL_INVALID, not retryable, where the configuration's is none
 */
export async function pageUrl(message: Message, template: Template | null): Promise<URL | null> {
  const written = template === null ? message.payload.url : await template.render(templateInput(message));
  const url = typeof written === "string" ? httpUrl(written) : null;
  if (url === null && template !== null) {
    const shown = String(written).slice(0, 200);
    throw new AdapterError("BASE_URL_INVALID", `"${shown}" (base_url) is no http or https URL.`, { retryable: false });
  }
  return url;
}

/** A text as an http or https URL, relative to `base` where there is one; null where it is none. */
export function httpUrl(text: string, base?: URL | null): URL | null {
  const url = URL.parse(text.trim(), base ?? undefined);
  return url !== null && /^https?:$/.test(url.protocol) ? url : null;
}

/** What a parser or a walk throws for HTML that is nested without end, in words. */
export function unreadable(error: unknown): AdapterError {
  if (error instanceof AdapterError) return error;
  const why =
    error instanceof RangeError ? "it is nested too deeply" : error instanceof Error ? error.message : String(error);
  return new AdapterError("HTML_INVALID", `The HTML cannot be read: ${why}.`, { retryable: false, cause: error });
}
