import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

/**
 * The links of a built site to headings that are not there, each with its page. The generator finds those to pages, and
 * of these only the ones to pages that it has made before.
 */
export function deadAnchors(folder: string): string[] {
  const pages = new Map<string, string>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.name.endsWith(".html")) continue;
    const path = join(entry.parentPath, entry.name);
    pages.set(`/${relative(folder, path)}`, readFileSync(path, "utf8"));
  }
  const ids = new Map([...pages].map(([page, html]) => [page, new Set(valuesOf(html, / id="([^"]*)"/g))]));
  const dead: string[] = [];
  for (const [page, html] of pages) {
    for (const link of valuesOf(html, /<a [^>]*?href="([^"]*#[^"]+)"/g)) {
      const { origin, pathname, hash } = new URL(link, `http://site${page}`);
      const target = ids.get(pathname.endsWith("/") ? `${pathname}index.html` : pathname);
      if (origin !== "http://site" || target?.has(decodeURIComponent(hash.slice(1)))) continue;
      dead.push(`${page}: ${link}`);
    }
  }
  return dead;
}

function valuesOf(html: string, pattern: RegExp): string[] {
  return [...html.matchAll(pattern)].map(([, value = ""]) => value.replaceAll("&amp;", "&").replaceAll("&#x27;", "'"));
}
