import { AdapterError } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import type { Nodes, Root } from "mdast";
import { fromMarkdown } from "mdast-util-from-markdown";
import { gfmFromMarkdown } from "mdast-util-gfm";
import { toString as textOf } from "mdast-util-to-string";
import { gfm } from "micromark-extension-gfm";
import { type FrontMatter, readFrontMatter } from "./front-matter.ts";

/** A heading of a document. */
export interface Heading {
  readonly depth: number;
  readonly text: string;
  /** From 1. */
  readonly line: number;
}

/** What a Markdown document holds. */
export interface MarkdownContent {
  readonly title: string | null;
  readonly headings: readonly Heading[];
  readonly links: readonly { readonly url: string; readonly text: string; readonly line: number }[];
  readonly codeBlocks: readonly { readonly lang: string | null; readonly code: string; readonly line: number }[];
}

/**
 * Reads Markdown: CommonMark with GitHub's extensions. Front matter is left out of the document; lines count it. So are
 * the headings of what it quotes.
 * @throws AdapterError MARKDOWN_INVALID, not retryable
 */
export function readMarkdown(text: string): MarkdownContent {
  const front = readFrontMatter(text);
  try {
    return read(text.slice(front.source.length), front);
  } catch (error) {
    const why =
      error instanceof RangeError ? "it is nested too deeply" : error instanceof Error ? error.message : String(error);
    throw new AdapterError("MARKDOWN_INVALID", `The Markdown cannot be read: ${why}.`, {
      retryable: false,
      cause: error,
    });
  }
}

function read(body: string, front: FrontMatter): MarkdownContent {
  const tree = fromMarkdown(body, { extensions: [gfm()], mdastExtensions: [gfmFromMarkdown()] });
  const headings: Heading[] = [];
  const links: { url: string; text: string; line: number }[] = [];
  const codeBlocks: { lang: string | null; code: string; line: number }[] = [];
  const definitions = new Map<string, string>();
  walk(tree, (node) => {
    // The first of several counts.
    if (node.type === "definition" && !definitions.has(node.identifier)) definitions.set(node.identifier, node.url);
  });
  walk(tree, (node, quoted) => {
    const line = (node.position?.start.line ?? 1) + front.lines;
    if (node.type === "heading") {
      if (!quoted) headings.push({ depth: node.depth, text: lineOf(node), line });
    } else if (node.type === "link") links.push({ url: node.url, text: lineOf(node), line });
    else if (node.type === "linkReference") {
      const url = definitions.get(node.identifier);
      if (url !== undefined) links.push({ url, text: lineOf(node), line });
    } else if (node.type === "code") codeBlocks.push({ lang: node.lang ?? null, code: node.value, line });
  });
  const named = headings.filter((heading) => heading.text !== "");
  const title = front.title ?? (named.find((heading) => heading.depth === 1) ?? named[0])?.text ?? null;
  return { title, headings, links, codeBlocks };
}

/** The payload fields that `markdown_parse` adds. */
export function toFields(content: MarkdownContent): JsonObject {
  return {
    title: content.title,
    headings: content.headings.map((heading) => ({ ...heading })),
    links: content.links.map((link) => ({ ...link })),
    code_blocks: content.codeBlocks.map((block) => ({ ...block })),
  };
}

/** `quoted`: whether the node is part of a quotation or a footnote. */
function walk(root: Root, visit: (node: Nodes, quoted: boolean) => void): void {
  // A stack instead of recursion: documents may be nested as deep as they like.
  const stack: { node: Nodes; quoted: boolean }[] = [{ node: root, quoted: false }];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { node } = next;
    visit(node, next.quoted);
    if (!("children" in node)) continue;
    const quoted = next.quoted || node.type === "blockquote" || node.type === "footnoteDefinition";
    for (let index = node.children.length - 1; index >= 0; index -= 1) {
      const child = node.children[index];
      if (child !== undefined) stack.push({ node: child, quoted });
    }
  }
}

/** A node's text on one line, without HTML: anchors and images are common in headings. */
function lineOf(node: Nodes): string {
  return textOf(node, { includeHtml: false }).replace(/\s+/g, " ").trim();
}
