import { type Adapter, compileTemplate, defineAdapter, type Template } from "@millrace/engine";
import { z } from "zod";
import { htmlFields, pageUrl, takeHtml, unreadable } from "./html-source.ts";
import { cleanTree } from "./html-tree.ts";

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
      return { ...rest, text: await convert(html, base) };
    } catch (error) {
      throw unreadable(error);
    }
  },
});

async function convert(html: string, base: URL | null): Promise<string> {
  // Loaded for the first page, so that a service that converts none does not start slower.
  const [{ fromHtml }, { toMdast }, { toMarkdown }, { gfmToMarkdown }] = await Promise.all([
    import("hast-util-from-html"),
    import("hast-util-to-mdast"),
    import("mdast-util-to-markdown"),
    import("mdast-util-gfm"),
  ]);
  const tree = fromHtml(html);
  cleanTree(tree, base);
  const markdown = toMdast(tree, { document: true });
  if (markdown.type !== "root") return "";
  return toMarkdown(markdown, {
    extensions: [gfmToMarkdown({ tablePipeAlign: false })],
    bullet: "-",
    emphasis: "_",
    rule: "-",
    fences: true,
    listItemIndent: "one",
  });
}
