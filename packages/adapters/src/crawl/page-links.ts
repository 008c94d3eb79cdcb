import { Parser } from "htmlparser2";

/** Links of a page that are read at most. */
const MAX_LINKS = 10_000;

/** What a page says to who crawls it. */
export interface PageLinks {
  /** As `resolve` makes them, in order, each once. */
  readonly links: readonly string[];
  /** The page that this one is a copy of, by its own word; null where it says nothing. */
  readonly canonical: string | null;
  readonly noindex: boolean;
  readonly nofollow: boolean;
}

/**
 * Reads the links of an HTML page. `robot`: the name that `meta` elements may address, in lower case; null: what pages say
 * to robots is not heeded. `resolve` makes a URL of a text and the page's `base`; null: it is none to follow.
 */
export function readLinks(
  html: string,
  url: string,
  robot: string | null,
  resolve: (text: string, base: string) => string | null,
): PageLinks {
  const links = new Set<string>();
  const written = new Set<string>();
  let base = url;
  let canonical: string | null = null;
  const directives = new Set<string>();
  const add = (href: string | undefined) => {
    // Menus come again and again.
    if (href === undefined || written.has(href) || written.size >= MAX_LINKS) return;
    written.add(href);
    const found = resolve(href, base);
    if (found !== null) links.add(found);
  };
  const parser = new Parser({
    onopentag(name, attributes) {
      const { href, rel = "" } = attributes;
      switch (name) {
        case "base":
          base = URL.parse(href ?? "", url)?.href ?? base;
          break;
        case "a":
        case "area":
          if (robot === null || !hasWord(rel, "nofollow")) add(href);
          break;
        case "frame":
        case "iframe":
          add(attributes.src);
          break;
        case "link":
          if (hasWord(rel, "canonical") && href !== undefined) canonical ??= resolve(href, base);
          else if (hasWord(rel, "next") || hasWord(rel, "prev")) add(href);
          break;
        case "meta":
          readMeta(attributes, robot, directives, add);
      }
    },
  });
  parser.end(html);
  return { links: [...links], canonical, ...directivesOf(directives) };
}

/** What `X-Robots-Tag` says, to all or to this robot. */
export function readRobotsTag(header: string | null, robot: string | null): Pick<PageLinks, "noindex" | "nofollow"> {
  const directives = new Set<string>();
  if (robot === null) return directivesOf(directives);
  let addressed = true;
  for (const part of (header ?? "").toLowerCase().split(",")) {
    const [, name, rest = ""] = /^\s*(?:([\w-]+)\s*:)?(.*)$/s.exec(part) ?? [];
    // A name counts for what follows it; `unavailable_after` and its like are no names.
    if (name !== undefined && !/^(?:unavailable_after|max-\w+(?:-\w+)*)$/.test(name)) addressed = name === robot;
    if (addressed) directives.add(rest.trim());
  }
  return directivesOf(directives);
}

function readMeta(
  attributes: Record<string, string>,
  robot: string | null,
  directives: Set<string>,
  add: (href: string | undefined) => void,
): void {
  const name = attributes.name?.trim().toLowerCase();
  const content = attributes.content ?? "";
  if (robot !== null && (name === "robots" || name === robot)) {
    for (const directive of content.toLowerCase().split(",")) directives.add(directive.trim());
  } else if (attributes["http-equiv"]?.toLowerCase() === "refresh") {
    add(/^\s*[\d.]+\s*[;,]\s*(?:url\s*=\s*)?["']?([^"']+)/i.exec(content)?.[1]);
  }
}

function directivesOf(directives: ReadonlySet<string>): Pick<PageLinks, "noindex" | "nofollow"> {
  const none = directives.has("none");
  return { noindex: none || directives.has("noindex"), nofollow: none || directives.has("nofollow") };
}

function hasWord(text: string, word: string): boolean {
  return text.toLowerCase().split(/\s+/).includes(word);
}
