import type { Element, Root } from "hast";
import { httpUrl } from "./html-source.ts";
import { baseOf, findFirst, lineOf, walk } from "./html-tree.ts";
import { toTime } from "./iso-time.ts";

/** What a page says of itself; null where it does not. */
export interface HtmlMetadata {
  readonly title: string | null;
  readonly description: string | null;
  readonly canonicalUrl: string | null;
  readonly language: string | null;
  readonly author: string | null;
  readonly publishedAt: string | null;
}

/** Names of `meta` elements, the first that is there counts. */
const DESCRIPTION = ["description", "og:description", "twitter:description", "dc.description", "dcterms.description"];
const AUTHOR = ["author", "article:author", "dc.creator", "dcterms.creator"];
const PUBLISHED = [
  ...["article:published_time", "og:published_time", "datepublished", "date", "pubdate", "publish-date"],
  ...["dc.date", "dcterms.date", "dc.date.issued", "dcterms.created", "parsely-pub-date"],
];
const LANGUAGE = ["content-language", "og:locale", "dc.language"];

/** Reads the metadata of a page; `url` is the page's own. */
export function readMetadata(page: Root, url: URL | null): HtmlMetadata {
  const metas = new Map<string, string>();
  let canonical: string | null = null;
  let time: string | null = null;
  walk(page, (node) => {
    if (node.type !== "element") return;
    const { properties } = node;
    if (node.tagName === "meta") noteMeta(properties, metas);
    else if (node.tagName === "link" && listOf(properties.rel).includes("canonical"))
      canonical ??= textOf(properties.href);
    else if (node.tagName === "time" && listOf(properties.itemProp).includes("datePublished"))
      time ??= textOf(properties.dateTime);
  });
  const first = (names: readonly string[]) => names.map((name) => metas.get(name)).find((value) => value !== undefined);
  const base = baseOf(page, url);
  const author = first(AUTHOR) ?? null;
  const html = findFirst(page, "html");
  return {
    title: metas.get("og:title") ?? (lineOfFirst(page, "title") || lineOfFirst(page, "h1") || null),
    description: first(DESCRIPTION) ?? null,
    canonicalUrl: canonical === null ? null : (httpUrl(canonical, base)?.href ?? null),
    language: languageTag(textOf(html?.properties.lang) ?? textOf(html?.properties.xmlLang) ?? first(LANGUAGE)),
    // Some name the author's page: no name for people.
    author: author !== null && httpUrl(author) === null ? author : null,
    publishedAt: toTime(first(PUBLISHED) ?? time),
  };
}

function noteMeta(properties: Element["properties"], metas: Map<string, string>): void {
  const content = textOf(properties.content);
  if (content === null) return;
  for (const name of [properties.name, properties.property, properties.httpEquiv, properties.itemProp]) {
    for (const each of listOf(name)) {
      const key = each.toLowerCase();
      if (!metas.has(key)) metas.set(key, content.replace(/\s+/g, " "));
    }
  }
}

/** A language in the form of BCP 47, as `pt-BR`; null where it is none. */
function languageTag(text: string | undefined | null): string | null {
  const tag = text?.split(",")[0]?.trim().replaceAll("_", "-");
  try {
    return tag === undefined || tag === "" ? null : (Intl.getCanonicalLocales(tag)[0] ?? null);
  } catch {
    return null;
  }
}

function listOf(value: Element["properties"][string]): string[] {
  if (Array.isArray(value)) return value.map(String);
  return typeof value === "string" ? [value] : [];
}

function textOf(value: Element["properties"][string]): string | null {
  return typeof value === "string" && value.trim() !== "" ? value.trim() : null;
}

function lineOfFirst(page: Root, tagName: string): string {
  const element = findFirst(page, tagName);
  return element === undefined ? "" : lineOf(element);
}
