import { templateField } from "@millrace/engine";
import { z } from "zod";

const patterns = (what: string) =>
  z.array(z.string().min(1).max(512)).max(1000).default([]).describe(`${what}; \`*\` stands for any characters`);

/** The configuration of `web_crawl`. */
export const crawlConfig = z.strictObject({
  start: z
    .array(templateField().min(1))
    .min(1)
    .max(10_000)
    .optional()
    .describe("Where the crawl begins, with `${…}` over the message; default the message's `url`"),
  scope: z
    .enum(["host", "prefix", "domain", "any"])
    .default("host")
    .describe(
      "What belongs to it: the `host` that it begins at, what is below the same folder (`prefix`), the host's `domain` with all that is below it, or `any` host",
    ),
  include: patterns("URLs that belong to it, of those in `scope`; default all"),
  exclude: patterns("URLs that do not belong to it"),
  max_depth: z.int().min(0).max(900).default(20).describe("Links between the start and a page at most"),
  max_pages: z.int().min(1).max(10_000_000).default(1_000).describe("URLs that one run fetches at most"),
  robots: z
    .enum(["obey", "ignore"])
    .default("obey")
    .describe("Whether robots.txt, `noindex` and `nofollow` are heeded; ignore them on sites of your own alone"),
  canonical: z
    .enum(["obey", "ignore"])
    .default("obey")
    .describe("Whether a page that calls itself a copy of another in the crawl is left out"),
  delay_seconds: z
    .number()
    .min(0)
    .max(3600)
    .default(0.5)
    .describe(
      "The least time between two requests to a host, in seconds; more where robots.txt asks for more, up to 60",
    ),
  per_host: z.int().min(1).max(64).default(2).describe("Requests to a host at once"),
  user_agent: z
    .string()
    .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:\/\S+)?(?: [\x20-\x7e]*)?$/, "must begin with a name, as MyCrawler/1.0")
    .optional()
    .describe(
      "How it calls itself, as `MyCrawler/1.0 (+https://example.org/crawler)`; default Millrace with its version",
    ),
  content_types: z
    .array(z.string().min(1))
    .min(1)
    .default(["text/html", "application/xhtml+xml"])
    .describe("Media types that are read, also as `text/*`; of others nothing but the head is"),
  ignore_parameters: z
    .array(z.string().min(1))
    .default([])
    .describe("Parameters of URLs that do not matter, beside those that are known to track"),
  max_queries: z
    .int()
    .min(0)
    .max(1_000_000)
    .default(100)
    .describe(
      "URLs at most that differ in nothing but what follows the `?`: calendars and lists have some without end",
    ),
  broken: z
    .enum(["skip", "emit", "fail"])
    .default("skip")
    .describe(
      "What becomes of a page that cannot be had (404, say): it is logged, emitted with `error`, or its message fails",
    ),
  state: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, "must be small letters, digits, `.`, `_` and `-`, at most 64")
    .optional()
    .describe("A name under which pages are remembered for later runs, which then fetch only what has changed"),
  unchanged: z
    .enum(["skip", "emit"])
    .default("skip")
    .describe("What becomes of a page that is as it was, with `state`: nothing, or a message without its content"),
  timeout_seconds: z
    .number()
    .gt(0)
    .max(300)
    .default(30)
    .describe("The longest that a request may take, in seconds, from its turn on"),
  max_bytes: z
    .int()
    .min(1)
    .max(256 * 1024 * 1024)
    .default(5 * 1024 * 1024)
    .describe("The largest page that is read, in bytes, after decompression"),
});

/** @see crawlConfig */
export type CrawlConfig = z.infer<typeof crawlConfig>;

/** What a message of a crawl carries with it, in `crawl`. */
export const crawlPlace = z.object({
  /** Links between the start and this page. */
  depth: z.int().min(0),
  /** The page that led here; null at the start. */
  parent: z.string().nullable(),
  /** Where the crawl began, which its scope goes by. */
  seed: z.string(),
  /** The run that its claims are of. */
  run: z.string(),
});

/** @see crawlPlace */
export type CrawlPlace = z.infer<typeof crawlPlace>;
