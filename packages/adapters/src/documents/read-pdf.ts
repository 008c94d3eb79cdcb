import { AdapterError } from "@millrace/engine";
import type { JsonObject, JsonValue } from "@millrace/protocol";
import type { PdfWork } from "../work-threads/work-messages.ts";
import { type Block, type Glyphs, layOut } from "./page-layout.ts";

interface Page {
  readonly number: number;
  readonly text: string;
  readonly blocks: JsonValue[];
  readonly width: number;
  readonly height: number;
}

/**
 * The text of a PDF: a value per page, or one for all.
 * @throws AdapterError PDF_ENCRYPTED, PDF_INVALID, PDF_TOO_LONG; not retryable
 */
export async function* readPdf(bytes: Uint8Array, options: PdfWork): AsyncGenerator<JsonObject, void> {
  const { getDocumentProxy } = await import("unpdf");
  const pdf = await getDocumentProxy(bytes, {
    verbosity: 0,
    disableFontFace: true,
    useSystemFonts: false,
    isEvalSupported: false,
    stopAtErrors: false,
    ...(options.password === null ? {} : { password: options.password }),
  }).catch((error: unknown) => {
    throw toAdapterError(error, options.password !== null);
  });
  try {
    if (pdf.numPages > options.maxPages) {
      throw tooLong(`The PDF has ${pdf.numPages} pages; max_pages is ${options.maxPages}.`);
    }
    const metadata = await metadataOf(pdf);
    const pages: Page[] = [];
    let characters = 0;
    for (let number = 1; number <= pdf.numPages; number += 1) {
      const page = await readPage(pdf, number, options.blocks).catch((error: unknown) => {
        throw toAdapterError(error, false, number);
      });
      characters += page.text.length;
      if (characters > options.maxCharacters) {
        throw tooLong(
          `The text of the first ${number} pages is longer than ${options.maxCharacters} characters (max_characters).`,
        );
      }
      if (options.perDocument) pages.push(page);
      else yield pageValue(page, pdf.numPages, metadata, options.blocks);
    }
    if (options.perDocument) yield documentValue(pages, metadata, options.blocks);
  } finally {
    await pdf.loadingTask.destroy();
  }
}

function pageValue(page: Page, pages: number, metadata: JsonObject, blocks: boolean): JsonObject {
  return {
    page: page.number,
    pages,
    text: page.text,
    width: page.width,
    height: page.height,
    ...(blocks ? { blocks: page.blocks } : {}),
    metadata,
  };
}

function documentValue(pages: readonly Page[], metadata: JsonObject, blocks: boolean): JsonObject {
  let offset = 0;
  const starts = pages.map(({ number, text, width, height, blocks: own }) => {
    const start = offset;
    offset += text.length + 2;
    return { page: number, offset: start, width, height, ...(blocks ? { blocks: own } : {}) };
  });
  return { pages: pages.length, text: pages.map(({ text }) => text).join("\n\n"), page_list: starts, metadata };
}

type Pdf = Awaited<ReturnType<typeof import("unpdf")["getDocumentProxy"]>>;

async function readPage(pdf: Pdf, number: number, withBlocks: boolean): Promise<Page> {
  const page = await pdf.getPage(number);
  try {
    const { width, height } = page.getViewport({ scale: 1 });
    const { items } = await page.getTextContent();
    const [left = 0, bottom = 0] = page.view;
    const upright: Glyphs[] = [];
    const turned = new Map<number, Glyphs[]>();
    for (const item of items) {
      if (!("str" in item)) continue;
      const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = item.transform.map(Number);
      const size = Math.hypot(c, d) || item.height;
      const angle = Math.round(Math.atan2(b, a) / (Math.PI / 2)) & 3;
      const text = clean(item.str);
      if (angle === 0) {
        upright.push({ text, x: e - left, y: f - bottom, width: item.width, height: size });
        continue;
      }
      // Text that stands on its side is laid out as if the page were turned, and comes after the rest.
      const at = { x: e - left, y: f - bottom };
      const place = angle === 1 ? { x: at.y, y: -at.x } : angle === 3 ? { x: -at.y, y: at.x } : { x: -at.x, y: -at.y };
      const glyphs = turned.get(angle) ?? [];
      turned.set(angle, glyphs);
      glyphs.push({ text, ...place, width: item.width, height: size });
    }
    const blocks = layOut(upright, height);
    for (const glyphs of turned.values()) blocks.push(...layOut(glyphs, height));
    return { number, ...withOffsets(blocks, withBlocks), width: round(width), height: round(height) };
  } finally {
    page.cleanup();
  }
}

function withOffsets(blocks: readonly Block[], wanted: boolean): { text: string; blocks: JsonValue[] } {
  let text = "";
  const placed: JsonValue[] = [];
  for (const { text: own, x, y, width, height } of blocks) {
    if (text !== "") text += "\n\n";
    if (wanted) placed.push({ offset: text.length, length: own.length, x, y, width, height });
    text += own;
  }
  return { text, blocks: placed };
}

async function metadataOf(pdf: Pdf): Promise<JsonObject> {
  // A PDF whose metadata is broken has text all the same.
  const found = await pdf.getMetadata().catch(() => null);
  const info: Record<string, unknown> = { ...found?.info };
  const metadata: JsonObject = {};
  for (const [name, key] of INFO) {
    const value = info[key];
    if (typeof value !== "string" || value.trim() === "") continue;
    const text = clean(value).trim().slice(0, 1000);
    metadata[name] = key.endsWith("Date") ? (toTime(text) ?? text) : text;
  }
  if (typeof info.PDFFormatVersion === "string") metadata.pdf_version = info.PDFFormatVersion;
  return metadata;
}

const INFO = [
  ["title", "Title"],
  ["author", "Author"],
  ["subject", "Subject"],
  ["keywords", "Keywords"],
  ["creator", "Creator"],
  ["producer", "Producer"],
  ["created_at", "CreationDate"],
  ["modified_at", "ModDate"],
] as const;

/** `D:20240131120000+01'00'` as RFC 3339; null where it is none. */
function toTime(text: string): string | null {
  const match = /^D:(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:Z|([+-])(\d\d)'?(\d\d)?)?/.exec(text);
  if (match === null) return null;
  const [, year, month = "01", day = "01", hour = "00", minute = "00", second = "00", sign, hours, minutes] = match;
  const zone = sign === undefined ? "Z" : `${sign}${hours}:${minutes ?? "00"}`;
  const time = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}${zone}`);
  return Number.isNaN(time.getTime()) ? null : time.toISOString();
}

/** Without what is no text, and with ligatures taken apart. */
function clean(text: string): string {
  return text
    .replaceAll(/[\uFB00-\uFB06]/g, (ligature) => ligature.normalize("NFKC"))
    .replaceAll(/[\p{Cc}\p{Cs}\uFFFE\uFFFF]/gu, "");
}

function toAdapterError(error: unknown, hadPassword: boolean, page?: number): AdapterError {
  if (error instanceof AdapterError) return error;
  const name = error instanceof Error ? error.name : "";
  if (name === "PasswordException") {
    const text = hadPassword
      ? "The PDF is encrypted, and password does not open it."
      : "The PDF is encrypted: set password.";
    return new AdapterError("PDF_ENCRYPTED", text, { retryable: false, cause: error });
  }
  const why = (error instanceof Error ? error.message : String(error)).replace(/\.$/, "").slice(0, 300);
  const where = page === undefined ? "" : `, page ${page}`;
  return new AdapterError("PDF_INVALID", `The PDF cannot be read${where}: ${why}.`, { retryable: false, cause: error });
}

function tooLong(message: string): AdapterError {
  return new AdapterError("PDF_TOO_LONG", message, { retryable: false });
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
