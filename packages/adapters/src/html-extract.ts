import { type Adapter, AdapterError, compileTemplate, defineAdapter, type Template } from "@millrace/engine";
import { z } from "zod";
import { type HtmlDocument, htmlDocument, mainContent } from "./html-document.ts";
import { readMetadata } from "./html-metadata.ts";
import { htmlFields, pageUrl, takeHtml, unreadable } from "./html-source.ts";
import { cleanTree, linksOf } from "./html-tree.ts";
import { toTime } from "./iso-time.ts";

const config = z.strictObject({
  ...htmlFields,
  selector: z
    .string()
    .min(1)
    .optional()
    .describe("A CSS selector of the elements that are the content; default what a browser's reader view would show"),
  links: z
    .enum(["content", "page"])
    .default("content")
    .describe("Whether `links` are those of the content, or of the whole page with its menus"),
});

const EXAMPLE = `version: "1.0"
routes:
  read:
    adapters:
      - type: files
        config: { root: examples/site, glob: "**/*.html" }
      - type: read_file
      - type: html_extract
        config: { base_url: "https://docs.example.com/\${path}" }
init_message: { route: read }
`;

/** Takes the main content and the metadata out of a page. */
export const htmlExtract: Adapter<z.infer<typeof config>, Template | null> = defineAdapter({
  type: "html_extract",
  category: "content",
  description:
    "Takes the main content out of a page, as `html` and plain `text`; adds `title`, `description`, `canonical_url`, `language`, `author`, `published_at` and `links`.",
  config,
  example: EXAMPLE,
  prepare: ({ base_url: baseUrl }) => (baseUrl === undefined ? null : compileTemplate(baseUrl)),
  async process(message, { config: { field, max_bytes: maxBytes, selector, links }, prepared }) {
    const { html, rest } = takeHtml(message.payload, field, maxBytes);
    const base = await pageUrl(message, prepared);
    try {
      return { ...rest, ...(await extract(html, base, selector, links)) };
    } catch (error) {
      throw unreadable(error);
    }
  },
});

async function extract(html: string, base: URL | null, selector: string | undefined, links: "content" | "page") {
  const [{ fromHtml }, { toHtml }, { toText }] = await Promise.all([
    import("hast-util-from-html"),
    import("hast-util-to-html"),
    import("hast-util-to-text"),
  ]);
  // Read as browsers read it, whatever is left open, before a lighter document is made of it.
  const page = fromHtml(html);
  const metadata = readMetadata(page, base);
  cleanTree(page, base, { keepData: true });
  const document = await htmlDocument(toHtml(page));
  const chosen = selector === undefined ? null : choose(document, selector);
  const main = await mainContent(document);
  const content = fromHtml(chosen ?? main.html, { fragment: true });
  cleanTree(content, null);
  return {
    title: main.title ?? metadata.title,
    description: metadata.description,
    canonical_url: metadata.canonicalUrl,
    language: metadata.language,
    author: metadata.author ?? main.author,
    published_at: metadata.publishedAt ?? toTime(main.publishedAt),
    links: linksOf(links === "page" ? page : content),
    html: toHtml(content),
    text: toText(content).trim(),
  };
}

function choose(document: HtmlDocument, selector: string): string {
  let found: string[];
  try {
    found = document.select(selector);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new AdapterError("SELECTOR_INVALID", `"${selector}" (selector) is no CSS selector: ${why}.`, {
      retryable: false,
      cause: error,
    });
  }
  if (found.length > 0) return found.join("\n");
  throw new AdapterError("CONTENT_MISSING", `The page has no element "${selector}" (selector).`, { retryable: false });
}
