import { AdapterError } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import { z } from "zod";

/** How much Markdown is parsed at once: it holds up everything else of the process meanwhile. */
export const maxBytesField = z
  .int()
  .min(1)
  .max(16 * 1024 * 1024)
  .default(2 * 1024 * 1024)
  .describe("The longest text that is parsed, in bytes");

/**
 * The message's text.
 * @throws AdapterError TEXT_MISSING, not retryable
 */
export function textOfPayload({ text }: JsonObject): string {
  if (typeof text === "string") return text;
  throw new AdapterError("TEXT_MISSING", 'The message has no text "text".', { retryable: false });
}

/** @throws AdapterError MARKDOWN_TOO_LARGE, not retryable */
export function checkSize(text: string, maxBytes: number): void {
  const bytes = Buffer.byteLength(text);
  if (bytes <= maxBytes) return;
  throw new AdapterError("MARKDOWN_TOO_LARGE", `The Markdown has ${bytes} bytes; max_bytes is ${maxBytes}.`, {
    retryable: false,
  });
}
