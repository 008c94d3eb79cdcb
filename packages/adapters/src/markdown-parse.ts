import { basename, extname } from "node:path";
import { type Adapter, defineAdapter } from "@millrace/engine";
import { z } from "zod";
import { checkSize, maxBytesField, textOfPayload } from "./markdown-text.ts";
import { readMarkdown, toFields } from "./markdown-tree.ts";

const config = z.strictObject({ max_bytes: maxBytesField });

const EXAMPLE = `version: "1.0"
routes:
  parse: { adapters: [{ type: read_file }, { type: markdown_parse }] }
init_message: { route: parse, payload: { path: README.md } }
`;

/** Reads the structure of the Markdown in `text`. */
export const markdownParse: Adapter<z.infer<typeof config>> = defineAdapter({
  type: "markdown_parse",
  category: "content",
  description: "Parses the Markdown in `text`; adds `title`, `headings`, `links` and `code_blocks`.",
  config,
  example: EXAMPLE,
  process({ payload }, { config: { max_bytes: maxBytes } }) {
    const { path } = payload;
    const text = textOfPayload(payload);
    checkSize(text, maxBytes);
    const fields = toFields(readMarkdown(text));
    const fallback = typeof path === "string" ? basename(path, extname(path)) : null;
    return { ...payload, ...fields, title: fields.title ?? fallback };
  },
});
