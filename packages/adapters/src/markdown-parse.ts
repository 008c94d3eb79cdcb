import { basename, extname } from "node:path";
import { type Adapter, AdapterError, defineAdapter } from "@millrace/engine";
import { z } from "zod";
import { readMarkdown, toFields } from "./markdown-tree.ts";

const config = z.strictObject({
  max_bytes: z
    .int()
    .min(1)
    .max(16 * 1024 * 1024)
    .default(2 * 1024 * 1024)
    .describe("The longest text that is parsed, in bytes"),
});

/** Reads the structure of the Markdown in `text`. */
export const markdownParse: Adapter<z.infer<typeof config>> = defineAdapter({
  type: "markdown_parse",
  category: "content",
  description: "Parses the Markdown in `text`; adds `title`, `headings`, `links` and `code_blocks`.",
  config,
  process({ payload }, { config: { max_bytes: maxBytes } }) {
    const { text, path } = payload;
    if (typeof text !== "string")
      throw new AdapterError("TEXT_MISSING", 'The message has no text "text".', { retryable: false });
    if (Buffer.byteLength(text) > maxBytes) {
      throw new AdapterError(
        "MARKDOWN_TOO_LARGE",
        `The Markdown has ${Buffer.byteLength(text)} bytes; max_bytes is ${maxBytes}.`,
        { retryable: false },
      );
    }
    const fields = toFields(readMarkdown(text));
    const fallback = typeof path === "string" ? basename(path, extname(path)) : null;
    return { ...payload, ...fields, title: fields.title ?? fallback };
  },
});
