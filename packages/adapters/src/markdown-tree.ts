import { AdapterError } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import type { Nodes, Root } from "mdast";
import { fromMarkdown } from "mdast-util-from-markdown";
import { gfmFromMarkdown } from "mdast-util-gfm";
import { toString as textOf } from "mdast-util-to-string";
import { gfm } from "micromark-extension-gfm";

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

const FRONT_MATTER = /^---[ \t]*\r?\n(?:[\s\S]*?\r?\n)?(?:---|\.\.\.)[ \t]*(?:\r?\n|$)/;

/**
 * Reads Markdown: CommonMark with GitHub's extensions. Front matter is left out of the document; lines count it.
 * @throws AdapterError MARKDOWN_INVALID, not retryable
 */
export function readMarkdown(text: string): MarkdownContent {
  const front = FRONT_MATTER.exec(text)?.[0] ?? "";
  const skipped = front.split("\n").length - 1;
  const tree = parse(text.slice(front.length));
  const headings: Heading[] = [];
  const links: { url: string; text: string; line: number }[] = [];
  const codeBlocks: { lang: string | null; code: string; line: number }[] = [];
  const definitions = new Map<string, string>();
  // A stack instead of recursion: documents may be nested as deep as they like.
  walk(tree, (node) => {
    if (node.type === "definition") definitions.set(node.identifier, node.url);
  });
  walk(tree, (node) => {
    const line = (node.position?.start.line ?? 1) + skipped;
    if (node.type === "heading") headings.push({ depth: node.depth, text: textOf(node).trim(), line });
    else if (node.type === "link") links.push({ url: node.url, text: textOf(node).trim(), line });
    else if (node.type === "linkReference") {
      const url = definitions.get(node.identifier);
      if (url !== undefined) links.push({ url, text: textOf(node).trim(), line });
    } else if (node.type === "code") codeBlocks.push({ lang: node.lang ?? null, code: node.value, line });
  });
  const title =
    frontMatterTitle(front) ?? (headings.find((heading) => heading.depth === 1) ?? headings[0])?.text ?? null;
  return { title: title === "" ? null : title, headings, links, codeBlocks };
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

function parse(text: string): Root {
  try {
    return fromMarkdown(text, { extensions: [gfm()], mdastExtensions: [gfmFromMarkdown()] });
  } catch (error) {
    const why =
      error instanceof RangeError ? "it is nested too deeply" : error instanceof Error ? error.message : String(error);
    throw new AdapterError("MARKDOWN_INVALID", `The Markdown cannot be read: ${why}.`, {
      retryable: false,
      cause: error,
    });
  }
}

function walk(root: Root, visit: (node: Nodes) => void): void {
  const stack: Nodes[] = [root];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    visit(node);
    if ("children" in node)
      for (let index = node.children.length - 1; index >= 0; index -= 1) {
        const child = node.children[index];
        if (child !== undefined) stack.push(child);
      }
  }
}

function frontMatterTitle(front: string): string | null {
  const title = /^title:[ \t]*(.+?)[ \t]*\r?$/m.exec(front)?.[1];
  return title === undefined ? null : title.replace(/^(["'])(.*)\1$/, "$2");
}
