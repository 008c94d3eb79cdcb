import { setImmediate as turn } from "node:timers/promises";
import { AdapterError } from "@millrace/engine";
import { toTime } from "./iso-time.ts";

/** What a sitemap names. */
export interface SitemapEntry {
  /** A sitemap is named by an index. */
  readonly kind: "page" | "sitemap";
  readonly url: string;
  readonly modifiedAt: string | null;
  readonly changeFrequency: string | null;
  readonly priority: number | null;
}

/** How much is parsed before others get their turn, in characters. */
const PIECE = 64 * 1024;

/** Elements of a sitemap's entry that are read. */
const FIELDS = new Set(["loc", "lastmod", "changefreq", "priority"]);

/**
 * Reads a sitemap, in XML or with a URL per line.
 * @throws AdapterError SITEMAP_INVALID, not retryable
 */
export async function* readSitemap(text: string, signal: AbortSignal): AsyncGenerator<SitemapEntry> {
  if (/^\uFEFF?\s*</.test(text)) yield* readXml(text.replace(/^\uFEFF?\s*/, ""), signal);
  else {
    for (const line of text.replace(/^\uFEFF/, "").split(/\r\n|\r|\n/))
      if (line.trim() !== "") yield plain(line.trim());
  }
}

function plain(url: string): SitemapEntry {
  return { kind: "page", url, modifiedAt: null, changeFrequency: null, priority: null };
}

async function* readXml(text: string, signal: AbortSignal): AsyncGenerator<SitemapEntry> {
  const { SaxesParser } = await import("saxes");
  const parser = new SaxesParser();
  const path: string[] = [];
  let fields = new Map<string, string>();
  let found: SitemapEntry[] = [];
  parser.on("opentag", ({ name }) => {
    const local = name.slice(name.indexOf(":") + 1).toLowerCase();
    if (path.length === 0 && local !== "urlset" && local !== "sitemapindex") {
      throw invalid(`its first element is "${name.slice(0, 100)}", not "urlset" or "sitemapindex"`);
    }
    // Extensions for pictures and news have names of their own, with a prefix, deeper or beside.
    path.push(name.includes(":") && path.length > 1 ? name : local);
    if (path.length === 2) fields = new Map();
  });
  const add = (value: string) => {
    const [, , name = ""] = path;
    if (path.length === 3 && FIELDS.has(name)) fields.set(name, (fields.get(name) ?? "") + value);
  };
  parser.on("text", add);
  parser.on("cdata", add);
  parser.on("closetag", () => {
    const kind = path[1] === "sitemap" && path[0] === "sitemapindex" ? "sitemap" : "page";
    const url = fields.get("loc")?.trim() ?? "";
    if (path.length === 2 && url !== "") {
      const priority = Number.parseFloat(fields.get("priority") ?? "");
      found.push({
        kind,
        url,
        modifiedAt: toTime(fields.get("lastmod")),
        changeFrequency: fields.get("changefreq")?.trim().toLowerCase() || null,
        priority: Number.isFinite(priority) ? priority : null,
      });
    }
    path.pop();
  });
  try {
    for (let at = 0; at < text.length; at += PIECE) {
      signal.throwIfAborted();
      parser.write(text.slice(at, at + PIECE));
      yield* found;
      found = [];
      await turn();
    }
    parser.close();
  } catch (error) {
    if (error instanceof AdapterError || signal.aborted) throw error;
    throw invalid(error instanceof Error ? error.message : String(error), error);
  }
  yield* found;
}

function invalid(why: string, cause?: unknown): AdapterError {
  return new AdapterError("SITEMAP_INVALID", `The sitemap cannot be read: ${why}.`, { retryable: false, cause });
}
