import { type Adapter, defineAdapter } from "@millrace/engine";
import type { JsonObject, JsonValue } from "@millrace/protocol";
import { z } from "zod";
import { readFrontMatter } from "./front-matter.ts";
import { cutToBudget } from "./markdown-budget.ts";
import { cutAtHeadings, type LineRange, linesOfPieces } from "./markdown-sections.ts";
import { checkSize, maxBytesField, textOfPayload } from "./markdown-text.ts";
import { type Heading, readMarkdown, toFields } from "./markdown-tree.ts";
import { remembering, TOKENIZERS, tokenizer } from "./tokenizers.ts";

const config = z
  .strictObject({
    max_tokens: z.int().min(8).max(1_000_000).default(512).describe("The most tokens of a section"),
    overlap_tokens: z
      .int()
      .min(0)
      .default(0)
      .describe("Tokens that a section cut for its length repeats of the one before"),
    tokenizer: z
      .enum(TOKENIZERS)
      .default("o200k_base")
      .describe("The tokenizer that counts tokens, by its encoding: that of the model that reads the sections"),
    heading_depth: z.int().min(1).max(6).default(3).describe("The deepest heading that begins a section"),
    max_bytes: maxBytesField.describe("The longest text that is parsed here, in bytes; one that was parsed is cut"),
  })
  .refine((value) => value.overlap_tokens < value.max_tokens, {
    path: ["overlap_tokens"],
    message: "must be less than max_tokens",
  });

const EXAMPLE = `version: "1.0"
routes:
  cut: { adapters: [{ type: read_file }, { type: markdown_parse }, { type: markdown_split, config: { max_tokens: 256, overlap_tokens: 20 } }] }
init_message: { route: cut, payload: { path: README.md } }
`;

/** Cuts the Markdown in `text` into sections. */
export const markdownSplit: Adapter<z.infer<typeof config>> = defineAdapter({
  type: "markdown_split",
  category: "content",
  description:
    "Cuts the Markdown in `text` by heading, and to a budget of tokens: one message per section with `heading_path`, `text`, `tokens` and `index`; the links and code blocks that begin in its lines instead of the document's.",
  config,
  example: EXAMPLE,
  async *process(
    { payload },
    { config: { max_tokens: maxTokens, overlap_tokens: overlap, heading_depth: depth, ...settings } },
  ) {
    const text = textOfPayload(payload);
    const { headings: given, ...rest } = payload;
    const parsed = toHeadings(given);
    // A message that was parsed brings its headings; one that was not is parsed here.
    const {
      headings,
      links,
      code_blocks: codeBlocks,
    } = parsed === null ? parse(text, settings.max_bytes) : { ...payload, headings: parsed };
    const firstLine = readFrontMatter(text).lines + 1;
    const measure = remembering(await tokenizer(settings.tokenizer));
    let index = 0;
    for (const section of cutAtHeadings(text, headings, depth, firstLine)) {
      const pieces = cutToBudget(section.text, maxTokens, overlap, measure);
      for (const [place, lines] of linesOfPieces(section, pieces).entries()) {
        const piece = pieces[place] ?? "";
        const own = {
          ...(Array.isArray(links) ? { links: within(links, lines) } : {}),
          ...(Array.isArray(codeBlocks) ? { code_blocks: within(codeBlocks, lines) } : {}),
        };
        yield { ...rest, ...own, heading_path: [...section.headingPath], text: piece, tokens: measure(piece), index };
        index += 1;
      }
    }
  },
});

function parse(text: string, maxBytes: number): Parsed {
  checkSize(text, maxBytes);
  const content = readMarkdown(text);
  const { links, code_blocks } = toFields(content);
  return { headings: content.headings, links, code_blocks };
}

interface Parsed {
  readonly headings: readonly Heading[];
  readonly links?: JsonValue | undefined;
  readonly code_blocks?: JsonValue | undefined;
}

/** Null where they are not those of `markdown_parse`. */
function toHeadings(value: JsonValue | undefined): Heading[] | null {
  if (!Array.isArray(value)) return null;
  const headings = value.flatMap((heading) => {
    if (!isMapping(heading)) return [];
    const { depth, text, line } = heading;
    return typeof depth === "number" && typeof text === "string" && typeof line === "number"
      ? [{ depth, text, line }]
      : [];
  });
  return headings.length === value.length ? headings : null;
}

function within(items: readonly JsonValue[], lines: LineRange): JsonValue[] {
  return items.filter(
    (item) =>
      isMapping(item) && typeof item.line === "number" && item.line >= lines.firstLine && item.line <= lines.lastLine,
  );
}

function isMapping(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
