import { gunzip } from "node:zlib";
import { type Adapter, AdapterError, type AdapterLog, defineAdapter, routeField, routeTo } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import { z } from "zod";
import { httpUrl } from "./html-source.ts";
import { readSitemap, type SitemapEntry } from "./sitemap-reader.ts";

const config = z.strictObject({
  field: z
    .string()
    .min(1)
    .optional()
    .describe("The field that holds the sitemap; default the first of `body` and `text` that is a text"),
  sitemaps_to: routeField()
    .optional()
    .describe("The route that the sitemaps of an index go to, as a rule that which fetches; without it an index fails"),
  max_depth: z.int().min(1).max(10).default(2).describe("How many indexes may lie above a sitemap"),
  max_urls: z.int().min(1).max(1_000_000).default(50_000).describe("The most URLs of one sitemap"),
  max_bytes: z
    .int()
    .min(1)
    .max(256 * 1024 * 1024)
    .default(50 * 1024 * 1024)
    .describe("The longest sitemap, in bytes, after decompression"),
});

const EXAMPLE = `version: "1.0"
routes:
  fetch:
    inbound: { concurrency: 2 }
    adapters:
      - type: http_request
        config: { url: "\${url}", max_bytes: 52428800 }
      - type: sitemap
        config: { sitemaps_to: fetch }
    outbound: [page]
  page: { adapters: [{ type: log, config: { message: "\${url}" } }] }
init_message: { route: fetch, payload: { url: "https://example.com/sitemap.xml" } }
`;

/** The field of a message that says how many indexes led to its sitemap. */
const DEPTH = "sitemap_depth";

/** One message per page of a sitemap. */
export const sitemap: Adapter<z.infer<typeof config>> = defineAdapter({
  type: "sitemap",
  category: "source",
  description:
    "Reads a sitemap, in XML or a URL per line, also packed with gzip: one message per page with `url`, `modified_at`, `change_frequency`, `priority` and `index`.",
  config,
  example: EXAMPLE,
  references: ({ sitemaps_to: to }) => (to === undefined ? {} : { routes: [{ route: to, path: ["sitemaps_to"] }] }),
  async *process({ payload }, { config: settings, signal, log }) {
    const text = await textOf(payload, settings.field, settings.max_bytes);
    const own = typeof payload.url === "string" ? (httpUrl(payload.url)?.href ?? null) : null;
    const depth = typeof payload[DEPTH] === "number" ? payload[DEPTH] : 0;
    const entries = new Entries(settings.max_urls, own, log);
    for await (const entry of readSitemap(text, signal)) {
      const found = entries.take(entry);
      if (found === null) continue;
      if (entry.kind === "page") yield { ...found, index: entries.count - 1 };
      else {
        checkIndex(settings.sitemaps_to, depth, settings.max_depth);
        yield routeTo(settings.sitemaps_to, { url: found.url, modified_at: found.modified_at, [DEPTH]: depth + 1 });
      }
    }
    entries.end();
  },
});

/** Checks the entries of one sitemap, and keeps count. */
class Entries {
  readonly #max: number;
  /** A sitemap that names itself would be fetched for ever. */
  readonly #own: string | null;
  readonly #log: AdapterLog;
  #leftOut = 0;
  #first: string | null = null;
  count = 0;

  constructor(max: number, own: string | null, log: AdapterLog) {
    this.#max = max;
    this.#own = own;
    this.#log = log;
  }

  /** @throws AdapterError SITEMAP_TOO_LONG, not retryable */
  take(
    entry: SitemapEntry,
  ): { url: string; modified_at: string | null; [name: string]: string | number | null } | null {
    const url = httpUrl(entry.url);
    if (url === null || (entry.kind === "sitemap" && url.href === this.#own)) {
      this.#leftOut += 1;
      this.#first ??= entry.url.slice(0, 200);
      return null;
    }
    if (this.count >= this.#max) {
      throw new AdapterError("SITEMAP_TOO_LONG", `The sitemap has more than ${this.#max} URLs (max_urls).`, {
        retryable: false,
      });
    }
    this.count += 1;
    const { modifiedAt, changeFrequency, priority } = entry;
    return { url: url.href, modified_at: modifiedAt, change_frequency: changeFrequency, priority };
  }

  end(): void {
    if (this.#leftOut === 0) return;
    this.#log.warn(
      `${this.#leftOut} of the sitemap's URLs are left out, being no http or https URLs or its own; the first is "${this.#first}".`,
    );
  }
}

function checkIndex(to: string | undefined, depth: number, maxDepth: number): asserts to is string {
  if (to === undefined) {
    throw new AdapterError(
      "SITEMAP_INDEX",
      "This is an index of sitemaps. Set sitemaps_to to the route that fetches them.",
      { retryable: false },
    );
  }
  if (depth >= maxDepth) {
    throw new AdapterError("SITEMAP_TOO_DEEP", `More than ${maxDepth} indexes (max_depth) lie above this sitemap.`, {
      retryable: false,
    });
  }
}

async function textOf(payload: JsonObject, field: string | undefined, maxBytes: number): Promise<string> {
  const text =
    field === undefined ? [payload.body, payload.text].find((each) => typeof each === "string") : payload[field];
  if (typeof text !== "string") {
    const where = field === undefined ? '"body" or "text"' : `"${field}"`;
    throw new AdapterError("TEXT_MISSING", `The message has no text ${where}.`, { retryable: false });
  }
  // What http_request fetched, and is no text.
  if (payload.body_encoding === "base64" && text === payload.body) return unpack(Buffer.from(text, "base64"), maxBytes);
  if (Buffer.byteLength(text) > maxBytes) throw tooLarge(maxBytes);
  return text;
}

async function unpack(bytes: Buffer, maxBytes: number): Promise<string> {
  if (bytes.toString("hex", 0, 2) !== "1f8b") {
    throw new AdapterError("SITEMAP_INVALID", "The sitemap is neither text nor packed with gzip.", {
      retryable: false,
    });
  }
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  gunzip(bytes, { maxOutputLength: maxBytes }, (error, unpacked) =>
    error === null ? resolve(unpacked) : reject(error),
  );
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await promise);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(maxBytes);
    const why = error instanceof Error ? error.message : String(error);
    throw new AdapterError("SITEMAP_INVALID", `The sitemap cannot be unpacked: ${why}.`, {
      retryable: false,
      cause: error,
    });
  }
}

function tooLarge(maxBytes: number): AdapterError {
  return new AdapterError("SITEMAP_TOO_LARGE", `The sitemap has more than ${maxBytes} bytes (max_bytes).`, {
    retryable: false,
  });
}
