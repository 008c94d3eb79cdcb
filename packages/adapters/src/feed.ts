import { AdapterError } from "@millrace/engine";
import type { parseFeed } from "feedsmith";
import { httpUrl } from "./html-source.ts";
import { toTime } from "./iso-time.ts";

/** An entry of a feed, whatever its format; null where it does not say. */
export interface FeedEntry {
  readonly id: string | null;
  readonly url: string | null;
  readonly title: string | null;
  readonly summary: string | null;
  readonly html: string | null;
  readonly author: string | null;
  readonly published_at: string | null;
  readonly modified_at: string | null;
  readonly categories: readonly string[];
  readonly enclosures: readonly { readonly url: string; readonly type: string | null; readonly bytes: number | null }[];
}

/** A feed, whatever its format. */
export interface Feed {
  readonly title: string | null;
  readonly url: string | null;
  readonly language: string | null;
  readonly entries: readonly FeedEntry[];
}

/**
 * Reads RSS (also 1.0) and Atom. URLs are resolved against the feed's own, where it is known.
 * @throws AdapterError FEED_INVALID, not retryable
 */
export async function readFeed(text: string, base: URL | null): Promise<Feed> {
  const { parseFeed: parse } = await import("feedsmith");
  let parsed: Parsed;
  try {
    parsed = parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw invalid(`${why}. It must be RSS or Atom, in XML that is well formed`, error);
  }
  if (parsed.format === "json") throw invalid("it is a JSON Feed, not RSS or Atom");
  if (parsed.format === "atom") return ofAtom(parsed.feed, base);
  const { feed } = parsed;
  const own = httpUrl(feed.link ?? "", base) ?? base;
  return {
    title: textOf(feed.title),
    url: httpUrl(feed.link ?? "", base)?.href ?? null,
    language: textOf(parsed.format === "rss" ? parsed.feed.language : undefined) ?? textOf(feed.dc?.languages?.[0]),
    entries:
      parsed.format === "rss"
        ? (parsed.feed.items ?? []).map((item) => ofRss(item, own))
        : (parsed.feed.items ?? []).map((item) => ofRdf(item, own)),
  };
}

type Parsed = ReturnType<typeof parseFeed<string>>;
type AtomFeed = Extract<Parsed, { format: "atom" }>["feed"];
type RssItem = NonNullable<Extract<Parsed, { format: "rss" }>["feed"]["items"]>[number];
type RdfItem = NonNullable<Extract<Parsed, { format: "rdf" }>["feed"]["items"]>[number];

function ofAtom(feed: AtomFeed, base: URL | null): Feed {
  const own = httpUrl(feed.xml?.base ?? "", base) ?? base;
  return {
    title: textOf(feed.title?.value),
    url: linkOf(feed.links, own),
    language: textOf(feed.xml?.lang),
    entries: (feed.entries ?? []).map((entry) => ({
      id: textOf(entry.id),
      url: linkOf(entry.links, httpUrl(entry.xml?.base ?? "", own) ?? own),
      title: textOf(entry.title?.value),
      summary: textOf(entry.summary?.value),
      html: textOf(entry.content?.value),
      author: namesOf(entry.authors ?? feed.authors),
      published_at: toTime(entry.published ?? entry.updated),
      modified_at: toTime(entry.updated),
      categories: (entry.categories ?? []).flatMap(({ term }) => textOf(term) ?? []),
      enclosures: (entry.links ?? [])
        .filter(({ rel }) => rel === "enclosure")
        .flatMap(({ href, type, length }) => enclosure(href, type, length, own)),
    })),
  };
}

function ofRss(item: RssItem, base: URL | null): FeedEntry {
  const id = textOf(item.guid?.value);
  // An identifier is a URL unless it says otherwise.
  const link = textOf(item.link) ?? (item.guid?.isPermaLink === false ? null : id);
  return {
    id,
    url: link === null ? null : (httpUrl(link, base)?.href ?? null),
    title: textOf(item.title),
    summary: textOf(item.description),
    html: textOf(item.content?.encoded),
    author: textOf(item.dc?.creators?.join(", ")) ?? namesOf(item.authors),
    published_at: toTime(item.pubDate ?? item.dc?.dates?.[0]),
    modified_at: toTime(item.atom?.updated),
    categories: (item.categories ?? []).flatMap(({ name }) => textOf(name) ?? []),
    enclosures: (item.enclosures ?? []).flatMap(({ url, type, length }) => enclosure(url, type, length, base)),
  };
}

function ofRdf(item: RdfItem, base: URL | null): FeedEntry {
  const id = textOf(item.rdf?.about);
  const link = textOf(item.link) ?? id;
  return {
    id,
    url: link === null ? null : (httpUrl(link, base)?.href ?? null),
    title: textOf(item.title),
    summary: textOf(item.description),
    html: textOf(item.content?.encoded),
    author: textOf(item.dc?.creators?.join(", ")),
    published_at: toTime(item.dc?.dates?.[0]),
    modified_at: null,
    categories: [...(item.dc?.subjects ?? [])],
    enclosures: [],
  };
}

function namesOf(people: readonly { readonly name?: string; readonly email?: string }[] | undefined): string | null {
  return textOf((people ?? []).flatMap(({ name, email }) => textOf(name) ?? textOf(email) ?? []).join(", "));
}

function linkOf(
  links: readonly { readonly href?: string; readonly rel?: string }[] | undefined,
  base: URL | null,
): string | null {
  const link = links?.find(({ rel }) => rel === undefined || rel === "alternate");
  return link?.href === undefined ? null : (httpUrl(link.href, base)?.href ?? null);
}

function enclosure(href: string | undefined, type: string | undefined, length: number | undefined, base: URL | null) {
  const url = href === undefined ? null : httpUrl(href, base);
  return url === null ? [] : [{ url: url.href, type: type ?? null, bytes: length ?? null }];
}

function textOf(value: string | null | undefined): string | null {
  const text = value?.trim();
  return text === undefined || text === "" ? null : text;
}

function invalid(why: string, cause?: unknown): AdapterError {
  return new AdapterError("FEED_INVALID", `The feed cannot be read: ${why}.`, { retryable: false, cause });
}
