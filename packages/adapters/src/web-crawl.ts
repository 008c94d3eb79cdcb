import {
  type Adapter,
  AdapterError,
  compileTemplate,
  defineAdapter,
  type Message,
  routeTo,
  type Template,
} from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import { type CrawlConfig, type CrawlPlace, crawlConfig, crawlPlace } from "./crawl/crawl-config.ts";
import { CrawlMemory } from "./crawl/crawl-memory.ts";
import { normalizeUrl } from "./crawl/crawl-url.ts";
import { RobotsCache } from "./crawl/robots.ts";
import type { AdapterEnvironment } from "./environment.ts";
import { onlyInServiceThread } from "./service-thread.ts";
import { templateInput } from "./template-input.ts";

interface Prepared {
  readonly start: readonly Template[] | null;
  readonly robots: RobotsCache;
  readonly userAgent: string;
  readonly ignored: ReadonlySet<string>;
}

const EXAMPLE = `version: "1.0"
routes:
  crawl:
    inbound: { concurrency: 4 }
    error_handling: { on_error: continue }
    adapters:
      - type: web_crawl
        config: { scope: prefix, max_pages: 500, state: docs }
      - { type: html_extract }
      - { type: html_to_markdown }
    outbound: [cut]
  cut: { adapters: [{ type: markdown_split }] }
init_message: { route: crawl, payload: { url: "https://docs.example.org/guide/" } }
`;

/** Fetches the pages of sites, by their links. */
export function webCrawl(environment: AdapterEnvironment): Adapter<CrawlConfig, Prepared> {
  // One memory for all crawls of a service, opened by the first.
  let opened: Promise<CrawlMemory> | null = null;
  const memoryOf = () => {
    opened ??= CrawlMemory.open(environment.stateDir);
    return opened;
  };
  return defineAdapter({
    type: "web_crawl",
    stateful: () => true,
    category: "source",
    description:
      "Fetches the pages of a site by their links, as robots.txt allows: one message per page with `url`, `html`, `status`, `content_type`, `canonical_url`, `etag`, `last_modified`, `fetched_at`, `bytes`, `sha256` and `crawl`.",
    config: crawlConfig,
    example: EXAMPLE,
    prepare(settings) {
      onlyInServiceThread("web_crawl");
      const userAgent = settings.user_agent ?? environment.http.userAgent;
      return {
        start: settings.start?.map(compileTemplate) ?? null,
        robots: new RobotsCache(environment.http, userAgent),
        userAgent,
        ignored: new Set(settings.ignore_parameters),
      };
    },
    async *process(message, { config: settings, prepared, signal, log }) {
      const memory = (await memoryOf()).inProject(message.project);
      const { url, crawl, ...rest } = message.payload;
      const place = crawlPlace.safeParse(crawl);
      const claims = { messageId: message.id, maxPages: settings.max_pages, maxQueries: settings.max_queries };
      if (!place.success) {
        const run = `${message.executionId}/${message.route}`;
        const urls = await seedsOf(message, prepared);
        for (const seed of await memory.claim({ ...claims, run, urls })) {
          yield routeTo(message.route, { ...rest, url: seed, crawl: { depth: 0, parent: null, seed, run } });
        }
        return;
      }
      if (typeof url !== "string") throw urlMissing();
      const { depth, seed, run } = place.data;
      // Loaded for the first page, so that a service that crawls none does not start slower.
      const { visitPage } = await import("./crawl/page-visit.ts");
      const parts = { ...prepared, http: environment.http, memory, settings };
      const { page, found, links, learned } = await visitPage(parts, {
        url,
        place: place.data,
        messageId: message.id,
        signal,
        log,
      });
      // Before the page: others go on while it is on its way through the chain, and a step that is done again emits the
      // same, in the same order.
      const claimed = page === null && links.length === 0 ? [] : await memory.claim({ ...claims, run, urls: links });
      for (const link of claimed) {
        const next: CrawlPlace = { depth: depth + 1, parent: url, seed: depth === 0 ? found : seed, run };
        yield routeTo(message.route, { ...rest, url: link, crawl: next });
      }
      if (page !== null) yield { ...rest, ...page, crawl: place.data };
      // Not before: what fails on its way is fetched again by the next run.
      if (settings.state !== undefined && learned !== null) memory.keep(settings.state, url, learned);
    },
  });
}

/** Where a crawl begins, each once. */
async function seedsOf(message: Message, { start, ignored }: Prepared): Promise<string[]> {
  const input: JsonObject = templateInput(message);
  const texts = start === null ? [message.payload.url] : await Promise.all(start.map((each) => each.render(input)));
  return texts.map((text) => {
    if (typeof text !== "string") throw urlMissing();
    const url = normalizeUrl(text, undefined, ignored);
    if (url !== null) return url;
    const safe = text.slice(0, 200).replace(/\/\/[^/@]*@/, "//…@");
    throw new AdapterError("URL_INVALID", `"${safe}" is no http or https URL that a crawl can begin at.`, {
      retryable: false,
    });
  });
}

function urlMissing(): AdapterError {
  return new AdapterError("URL_MISSING", 'The message has no text "url", and `start` is not set.', {
    retryable: false,
  });
}
