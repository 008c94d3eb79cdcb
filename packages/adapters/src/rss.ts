import { type Adapter, AdapterError, defineAdapter } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import { z } from "zod";
import { type FeedEntry, readFeed } from "./feed.ts";
import { httpUrl } from "./html-source.ts";

const config = z.strictObject({
  field: z
    .string()
    .min(1)
    .optional()
    .describe("The field that holds the feed; default the first of `body` and `text` that is a text"),
  max_entries: z.int().min(1).max(100_000).optional().describe("The most entries that are sent; default all"),
  max_bytes: z
    .int()
    .min(1)
    .max(64 * 1024 * 1024)
    .default(5 * 1024 * 1024)
    .describe("The longest feed that is parsed, in bytes"),
});

const EXAMPLE = `version: "1.0"
routes:
  fetch: { adapters: [{ type: http_request, config: { url: "\${url}" } }, { type: rss }], outbound: [read] }
  read: { adapters: [{ type: html_to_markdown, config: { field: html } }, { type: log, config: { message: "\${title}" } }] }
init_message: { route: fetch, payload: { url: "https://example.com/feed.xml" } }
`;

/** One message per entry of a feed. */
export const rss: Adapter<z.infer<typeof config>> = defineAdapter({
  type: "rss",
  category: "source",
  description:
    "Reads a feed (RSS, Atom): one message per entry with `id`, `url`, `title`, `summary`, `html`, `author`, `published_at`, `modified_at`, `categories`, `enclosures`, the `feed` and `index`.",
  config,
  example: EXAMPLE,
  async *process({ payload }, { config: { field, max_entries: most, max_bytes: maxBytes } }) {
    const text = textOf(payload, field, maxBytes);
    const base = typeof payload.url === "string" ? httpUrl(payload.url) : null;
    const { entries, ...feed } = await readFeed(text, base);
    for (const [index, entry] of entries.slice(0, most).entries())
      yield { ...toFields(entry), feed: { ...feed }, index };
  },
});

function toFields(entry: FeedEntry): JsonObject {
  return { ...entry, categories: [...entry.categories], enclosures: entry.enclosures.map((each) => ({ ...each })) };
}

function textOf(payload: JsonObject, field: string | undefined, maxBytes: number): string {
  const text =
    field === undefined ? [payload.body, payload.text].find((each) => typeof each === "string") : payload[field];
  if (typeof text !== "string") {
    const where = field === undefined ? '"body" or "text"' : `"${field}"`;
    throw new AdapterError("TEXT_MISSING", `The message has no text ${where}.`, { retryable: false });
  }
  const bytes = Buffer.byteLength(text);
  if (bytes <= maxBytes) return text;
  throw new AdapterError("FEED_TOO_LARGE", `The feed has ${bytes} bytes; max_bytes is ${maxBytes}.`, {
    retryable: false,
  });
}
