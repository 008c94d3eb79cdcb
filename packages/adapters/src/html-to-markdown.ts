import { type Adapter, compileTemplate, defineAdapter, type Template } from "@millrace/engine";
import { z } from "zod";
import { htmlToMarkdownText } from "./documents/html-markdown.ts";
import { htmlFields, pageUrl, takeHtml, unreadable } from "./html-source.ts";

const config = z.strictObject(htmlFields);

const EXAMPLE = `version: "1.0"
routes:
  fetch: { adapters: [{ type: http_request, config: { url: "\${url}" } }, { type: html_extract }, { type: html_to_markdown }], outbound: [cut] }
  cut: { adapters: [{ type: markdown_split }] }
init_message: { route: fetch, payload: { url: "https://docs.example.org/" } }
`;

/** Converts HTML to Markdown. */
export const htmlToMarkdown: Adapter<z.infer<typeof config>, Template | null> = defineAdapter({
  type: "html_to_markdown",
  category: "content",
  description:
    "Converts HTML to Markdown in `text`: tables, code blocks with their language, links resolved against the page's URL.",
  config,
  example: EXAMPLE,
  prepare: ({ base_url: baseUrl }) => (baseUrl === undefined ? null : compileTemplate(baseUrl)),
  async process(message, { config: { field, max_bytes: maxBytes }, prepared }) {
    const { html, rest } = takeHtml(message.payload, field, maxBytes);
    const base = await pageUrl(message, prepared);
    try {
      return { ...rest, text: await htmlToMarkdownText(html, base) };
    } catch (error) {
      throw unreadable(error);
    }
  },
});
