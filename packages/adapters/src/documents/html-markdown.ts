import type { Root } from "hast";
import type { Options } from "hast-util-to-mdast";
import { cleanTree } from "../html-tree.ts";

/** How a source of HTML differs from a page of the web. */
export interface HtmlKind {
  readonly handlers?: NonNullable<Options["handlers"]>;
  /** Changes the tree before it is converted. */
  prepare?(tree: Root): void;
}

/**
 * HTML as Markdown, links resolved against `base`. Throws what a parser or a walk throws for HTML that is nested without
 * end.
 */
export async function htmlToMarkdownText(html: string, base: URL | null, kind: HtmlKind = {}): Promise<string> {
  // Loaded for the first page, so that a service that converts none does not start slower.
  const [{ fromHtml }, { toMdast }, { toMarkdown }, { gfmToMarkdown }] = await Promise.all([
    import("hast-util-from-html"),
    import("hast-util-to-mdast"),
    import("mdast-util-to-markdown"),
    import("mdast-util-gfm"),
  ]);
  const tree = fromHtml(html);
  cleanTree(tree, base);
  kind.prepare?.(tree);
  const markdown = toMdast(tree, { document: true, handlers: kind.handlers ?? {} });
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
