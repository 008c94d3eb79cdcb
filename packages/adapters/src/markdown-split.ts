import { type Adapter, AdapterError, defineAdapter } from "@millrace/engine";
import type { JsonObject, JsonValue } from "@millrace/protocol";
import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import { z } from "zod";
import { cutAtHeadings, cutToBudget, type Section } from "./markdown-sections.ts";
import { readMarkdown, toFields } from "./markdown-tree.ts";

const config = z
  .strictObject({
    max_tokens: z
      .int()
      .min(8)
      .max(1_000_000)
      .default(512)
      .describe("The most tokens of a section, counted with o200k_base"),
    overlap_tokens: z
      .int()
      .min(0)
      .default(0)
      .describe("Tokens that a section cut for its length repeats of the one before"),
    heading_depth: z.int().min(1).max(6).default(3).describe("The deepest heading that begins a section"),
  })
  .refine((value) => value.overlap_tokens < value.max_tokens, {
    path: ["overlap_tokens"],
    message: "must be less than max_tokens",
  });

/** Cuts the Markdown in `text` into sections. */
export const markdownSplit: Adapter<z.infer<typeof config>> = defineAdapter({
  type: "markdown_split",
  category: "content",
  description:
    "Cuts the Markdown in `text` by heading, and to a budget of tokens: one message per section with `heading_path`, `text`, `tokens` and `index`; the section's own links and code blocks instead of the document's.",
  config,
  *process({ payload }, { config: { max_tokens: maxTokens, overlap_tokens: overlap, heading_depth: depth } }) {
    const { text } = payload;
    if (typeof text !== "string")
      throw new AdapterError("TEXT_MISSING", 'The message has no text "text".', { retryable: false });
    // A message that was parsed brings its headings; one that was not is parsed here.
    const {
      headings,
      links,
      code_blocks: codeBlocks,
    } = Array.isArray(payload.headings) ? payload : toFields(readMarkdown(text));
    const { headings: _, ...rest } = payload;
    let index = 0;
    for (const section of cutAtHeadings(text, toHeadings(headings), depth)) {
      const own = {
        ...(Array.isArray(links) ? { links: within(links, section) } : {}),
        ...(Array.isArray(codeBlocks) ? { code_blocks: within(codeBlocks, section) } : {}),
      };
      for (const piece of cutToBudget(section.text, maxTokens, overlap, measure)) {
        yield { ...rest, ...own, heading_path: [...section.headingPath], text: piece, tokens: measure(piece), index };
        index += 1;
      }
    }
  },
});

/** The tokenizer takes time that grows with the square of a run without spaces: such runs are measured in parts. */
const LONGEST_RUN = 2_000;

function measure(text: string): number {
  if (text.length <= LONGEST_RUN || !/\S{2000}/.test(text)) return countTokens(text);
  let tokens = 0;
  for (let at = 0; at < text.length; at += LONGEST_RUN) tokens += countTokens(text.slice(at, at + LONGEST_RUN));
  return tokens;
}

function toHeadings(value: JsonValue | undefined): { depth: number; text: string; line: number }[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((heading) => {
    if (!isMapping(heading)) return [];
    const { depth, text, line } = heading;
    return typeof depth === "number" && typeof text === "string" && typeof line === "number"
      ? [{ depth, text, line }]
      : [];
  });
}

function within(items: readonly JsonValue[], section: Section): JsonValue[] {
  return items.filter(
    (item) =>
      isMapping(item) &&
      typeof item.line === "number" &&
      item.line >= section.firstLine &&
      item.line <= section.lastLine,
  );
}

function isMapping(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
