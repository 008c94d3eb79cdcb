import { AdapterError } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import type { Root } from "hast";
import { walk } from "../html-tree.ts";
import type { DocxWork } from "../work-threads/work-messages.ts";
import { checkPackage, invalid } from "./docx-package.ts";
import { htmlToMarkdownText } from "./html-markdown.ts";
import { noteHandlers } from "./note-handlers.ts";

/** What has a meaning that the styles' default mapping does not know. */
const STYLES = [
  "p[style-name='Title'] => h1:fresh",
  "p[style-name='Subtitle'] => p:fresh",
  "p[style-name='Source Code'] => pre:separator('\\n')",
  "p[style-name='HTML Preformatted'] => pre:separator('\\n')",
  "p[style-name='Quote'] => blockquote:fresh",
  "p[style-name='Intense Quote'] => blockquote:fresh",
  "p[style-name='Block Text'] => blockquote:fresh",
  "r[style-name='Verbatim Char'] => code",
  "r[style-name='HTML Code'] => code",
  "b => strong",
  "i => em",
  "strike => del",
];

/**
 * A document of Word as Markdown in `text`, with `metadata` and `warnings`.
 * @throws AdapterError DOCX_INVALID, DOCX_TOO_LARGE; not retryable
 */
export async function readDocx(bytes: Uint8Array<ArrayBuffer>, { maxUnpackedBytes }: DocxWork): Promise<JsonObject> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const metadata = await checkPackage(buffer, maxUnpackedBytes);
  const [{ default: mammoth }, { defaultHandlers }] = await Promise.all([
    import("mammoth"),
    import("hast-util-to-mdast"),
  ]);
  try {
    const { value: html, messages } = await mammoth.convertToHtml(
      { buffer },
      {
        styleMap: STYLES,
        // A picture is no text, and would be in it in base64.
        convertImage: mammoth.images.imgElement(() => Promise.resolve({ src: "" })),
        externalFileAccess: false,
      },
    );
    const { sup, ol } = defaultHandlers;
    const text = await htmlToMarkdownText(html, null, {
      handlers: noteHandlers({ sup: sup ?? passOn, ol: ol ?? passOn }),
      prepare: tidy,
    });
    const warnings = [...new Set(messages.map(({ message }) => message))].slice(0, 20);
    return { text, metadata, ...(warnings.length === 0 ? {} : { warnings }) };
  } catch (error) {
    if (error instanceof AdapterError) throw error;
    throw invalid(
      error instanceof RangeError ? "it is nested too deeply" : String(error instanceof Error ? error.message : error),
      error,
    );
  }
}

/**
 * Markdown has no table without a head, and few documents of Word mark theirs: it is the first row. And it has no places
 * that are only linked to.
 */
function tidy(tree: Root): void {
  walk(tree, (node) => {
    if ("children" in node) {
      node.children = node.children.filter(
        (child) => !(child.type === "element" && child.tagName === "a" && child.properties.href === undefined),
      );
    }
    if (node.type !== "element" || node.tagName !== "table") return;
    const body = node.children.find((child) => child.type === "element");
    const row = body?.type === "element" && body.tagName === "tbody" ? body.children[0] : body;
    if (row?.type !== "element" || row.tagName !== "tr") return;
    for (const cell of row.children) if (cell.type === "element" && cell.tagName === "td") cell.tagName = "th";
  });
}

function passOn(): undefined {
  return undefined;
}
