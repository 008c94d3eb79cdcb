import { hash } from "node:crypto";
import { AdapterError, type AdapterLog } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import type { Politeness } from "../http/host-pace.ts";
import type { HttpAnswer, HttpClient } from "../http/http-client.ts";
import { Refusal } from "../http/http-failure.ts";
import { checkStatus } from "../http/statuses.ts";
import type { CrawlConfig, CrawlPlace } from "./crawl-config.ts";
import type { CrawlLedger, KnownPage } from "./crawl-memory.ts";
import { isInScope } from "./crawl-scope.ts";
import { normalizeUrl } from "./crawl-url.ts";
import { decodePage } from "./decode-page.ts";
import { readLinks, readRobotsTag } from "./page-links.ts";
import { type RobotsCache, robotName } from "./robots.ts";
import { ALLOW_ALL } from "./robots-rules.ts";

/** The longest that a pause of a host is waited for, in seconds: a step has 300 if its route does not say. */
const MAX_PAUSE_SECONDS = 200;

const MAX_REDIRECTS = 10;

/** What a crawl's steps share. */
export interface CrawlParts {
  readonly http: HttpClient;
  readonly robots: RobotsCache;
  readonly memory: CrawlLedger;
  readonly settings: CrawlConfig;
  readonly userAgent: string;
  readonly ignored: ReadonlySet<string>;
}

/** One page that a message is about. */
export interface Visit {
  readonly url: string;
  readonly place: CrawlPlace;
  readonly messageId: string;
  readonly signal: AbortSignal;
  readonly log: AdapterLog;
}

/** What comes of a visit. */
export interface Visited {
  /** What the page's message holds; null where there is none to send. */
  readonly page: JsonObject | null;
  /** Where the page is, after redirects: at the start, what the scope goes by. */
  readonly found: string;
  /** Where it leads, in the form and scope of the crawl. */
  readonly links: readonly string[];
  /** What is to be remembered once the page went through its chain; null: nothing new. */
  readonly learned: KnownPage | null;
}

/** A redirect leads out of the crawl, or to what another message is about. */
class LedAway extends Refusal {
  override readonly name = "LedAway";
}

/**
 * Fetches a page, as far as its site allows it and it is not as it was, and finds where it leads.
 * @throws AdapterError of the request, HTTP_STATUS, ROBOTS_UNREACHABLE
 */
export async function visitPage(parts: CrawlParts, visit: Visit): Promise<Visited> {
  const { settings, memory } = parts;
  const { url, place, messageId, log } = visit;
  const rules = await rulesFor(parts, visit, new URL(url));
  if (!rules.isAllowed(url)) return leftOut(visit, "robots.txt does not allow it");
  const known = settings.state === undefined ? null : memory.page(settings.state, url);
  // What this message has learned itself, before it was interrupted, is news still.
  const previous = known === null || known.messageId === messageId ? null : known;
  let answer: HttpAnswer;
  try {
    answer = await request(parts, visit, rules.delayMs, previous);
    if (answer.status !== 304) checkStatus(answer, [408, 425, 429, "5xx"]);
  } catch (error) {
    if (error instanceof LedAway) return leftOut(visit, error.message);
    if (!(error instanceof AdapterError) || error.retryable || place.depth === 0 || settings.broken === "fail")
      throw error;
    const { code, message } = error;
    log.info(`${url}, which ${place.parent} links to, cannot be had: ${message}`);
    return { ...nothing(url), page: settings.broken === "skip" ? null : { url, error: { code, message } } };
  }
  const found = normalizeUrl(answer.url.href, undefined, parts.ignored) ?? url;
  const sha256 = hash("sha256", answer.body);
  if (previous !== null && (answer.status === 304 || previous.sha256 === sha256)) {
    return asItWas(parts, visit, found, previous);
  }
  return read(parts, visit, answer, found, sha256);
}

async function request(
  parts: CrawlParts,
  visit: Visit,
  delayMs: number,
  previous: KnownPage | null,
): Promise<HttpAnswer> {
  const { http, settings, userAgent, ignored, memory } = parts;
  const { url, place, messageId, signal } = visit;
  const headers = new Headers({ "user-agent": userAgent, accept: acceptOf(settings.content_types) });
  if (previous?.etag) headers.set("if-none-match", previous.etag);
  if (previous?.lastModified) headers.set("if-modified-since", previous.lastModified);
  return http.send({
    url: new URL(url),
    method: "GET",
    headers,
    signal,
    timeoutSeconds: settings.timeout_seconds,
    maxPauseSeconds: MAX_PAUSE_SECONDS,
    maxBytes: settings.max_bytes,
    maxRedirects: MAX_REDIRECTS,
    politeness: politenessOf(settings, delayMs),
    wantsBody: (status, head) => status < 300 && isWanted(head.get("content-type"), settings.content_types),
    async onRedirect(to) {
      const target = normalizeUrl(to.href, undefined, ignored);
      if (target === url) return;
      // A site may say at its door where it is: what the crawl begins at may lead elsewhere.
      if (target === null || (place.depth > 0 && !isInScope(target, place.seed, scopeOf(settings)))) {
        throw new LedAway(`it leads to ${to.origin}${to.pathname}, which is not of the crawl`);
      }
      if (!(await rulesFor(parts, visit, to)).isAllowed(target))
        throw new LedAway("robots.txt does not allow where it leads");
      if (!memory.claimAlias(place.run, target, messageId))
        throw new LedAway(`it leads to ${target}, which is of the crawl already`);
    },
  });
}

/** The page is new, or has changed. */
function read(parts: CrawlParts, visit: Visit, answer: HttpAnswer, found: string, sha256: string): Visited {
  const { settings, memory } = parts;
  const { place, messageId } = visit;
  const type = answer.headers.get("content-type") ?? "";
  if (!isWanted(type, settings.content_types)) return leftOut(visit, `it is ${type === "" ? "of no type" : type}`);
  const heeds = settings.robots === "obey";
  const robot = heeds ? robotName(parts.userAgent) : null;
  const tag = readRobotsTag(answer.headers.get("x-robots-tag"), robot);
  const isHtml = /html|xml/i.test(type);
  const text = isHtml || /^text\//i.test(type) ? decodePage(answer.body, type) : null;
  const resolve = (href: string, base: string) => normalizeUrl(href, base, parts.ignored);
  const seen = isHtml && text !== null ? readLinks(text, answer.url.href, robot, resolve) : null;
  const canonical = seen?.canonical ?? null;
  const isCopy =
    settings.canonical === "obey" &&
    canonical !== null &&
    canonical !== found &&
    canonical !== visit.url &&
    new URL(canonical).host === answer.url.host &&
    !memory.claimAlias(place.run, canonical, messageId);
  const isPage = !isCopy && !tag.noindex && seen?.noindex !== true;
  const nofollow = tag.nofollow || seen?.nofollow === true;
  const links = nofollow ? [] : (seen?.links ?? []);
  const etag = answer.headers.get("etag");
  const lastModified = answer.headers.get("last-modified");
  if (!isPage)
    visit.log.debug(`${visit.url} is left out: it is ${isCopy ? `a copy of ${canonical}` : "not to be kept"}.`);
  const content: JsonObject =
    text === null
      ? { body: answer.body.toString("base64"), body_encoding: "base64" }
      : isHtml
        ? { html: text }
        : { text };
  return {
    page: isPage
      ? {
          url: answer.url.href,
          status: answer.status,
          content_type: type,
          canonical_url: canonical,
          etag,
          last_modified: lastModified,
          fetched_at: new Date().toISOString(),
          bytes: answer.body.length,
          sha256,
          ...(settings.state === undefined ? {} : { unchanged: false }),
          ...content,
        }
      : null,
    found,
    links: linksInScope(links, visit, found, settings),
    learned: { etag, lastModified, sha256, links, isPage, messageId },
  };
}

/** The page is as the last run found it. */
function asItWas(parts: CrawlParts, visit: Visit, found: string, known: KnownPage): Visited {
  const { settings } = parts;
  const isTold = known.isPage && settings.unchanged === "emit";
  return {
    page: isTold
      ? { url: found, etag: known.etag, last_modified: known.lastModified, sha256: known.sha256, unchanged: true }
      : null,
    found,
    links: linksInScope(known.links, visit, found, settings),
    learned: null,
  };
}

function linksInScope(links: readonly string[], { url, place }: Visit, found: string, settings: CrawlConfig): string[] {
  if (place.depth >= settings.max_depth) return [];
  const scope = scopeOf(settings);
  const seed = place.depth === 0 ? found : place.seed;
  return links.filter((link) => link !== url && link !== found && isInScope(link, seed, scope));
}

function nothing(url: string): Visited {
  return { page: null, found: url, links: [], learned: null };
}

function leftOut({ url, log }: Visit, why: string): Visited {
  log.debug(`${url} is left out: ${why}.`);
  return nothing(url);
}

async function rulesFor({ robots, settings }: CrawlParts, { signal }: Visit, url: URL) {
  if (settings.robots === "ignore") return ALLOW_ALL;
  return robots.of(url, politenessOf(settings, 0), settings.timeout_seconds, signal);
}

function politenessOf({ delay_seconds: seconds, per_host: concurrency }: CrawlConfig, delayMs: number): Politeness {
  return { intervalMs: Math.max(seconds * 1000, delayMs), concurrency };
}

/** The scope of a configuration. */
export function scopeOf({ scope: within, include, exclude }: CrawlConfig) {
  return { within, include, exclude };
}

function isWanted(header: string | null, types: readonly string[]): boolean {
  const type = header?.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  return types.some(
    (each) => each === "*/*" || each === type || (each.endsWith("/*") && type.startsWith(each.slice(0, -1))),
  );
}

function acceptOf(types: readonly string[]): string {
  return types.includes("*/*") ? "*/*" : `${types.join(", ")}, */*;q=0.1`;
}
