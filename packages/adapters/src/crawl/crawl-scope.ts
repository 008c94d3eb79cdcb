/** Which URLs belong to a crawl. */
export interface Scope {
  readonly within: "host" | "prefix" | "domain" | "any";
  /** With `*` for any characters, over the whole URL; none: all. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/** Whether a URL belongs to the crawl that began at `seed`. */
export function isInScope(url: string, seed: string, { within, include, exclude }: Scope): boolean {
  return (
    isWithin(url, seed, within) &&
    (include.length === 0 || include.some((pattern) => matchesWildcard(pattern, url))) &&
    !exclude.some((pattern) => matchesWildcard(pattern, url))
  );
}

function isWithin(text: string, seedText: string, within: Scope["within"]): boolean {
  if (within === "any") return true;
  const url = new URL(text);
  const seed = new URL(seedText);
  if (within === "domain") {
    const domain = seed.hostname.replace(/^www\./, "");
    return url.hostname === domain || url.hostname.endsWith(`.${domain}`);
  }
  // http and https of a host are one site, unless ports say otherwise.
  if (url.host !== seed.host) return false;
  return within === "host" || url.pathname.startsWith(seed.pathname.replace(/[^/]*$/, ""));
}

/** Whether a whole text is what the pattern says, in which `*` stands for any characters. Linear but for what `*` has to try again. */
export function matchesWildcard(pattern: string, text: string): boolean {
  let at = 0;
  let next = 0;
  let star = -1;
  let from = 0;
  while (at < text.length) {
    if (pattern[next] === "*") {
      star = next;
      from = at;
      next += 1;
    } else if (next < pattern.length && pattern[next] === text[at]) {
      next += 1;
      at += 1;
    } else if (star >= 0) {
      next = star + 1;
      from += 1;
      at = from;
    } else return false;
  }
  while (pattern[next] === "*") next += 1;
  return next === pattern.length;
}
