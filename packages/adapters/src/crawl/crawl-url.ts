/** The longest URL that is followed, in characters. */
const MAX_LENGTH = 2048;

/** Parts of a path at most, and how often one of them may come: more is what endless relative links make. */
const MAX_SEGMENTS = 30;
const MAX_REPEATS = 3;

/** Parameters that say who came, and from where, and not what is to be shown. */
const TRACKING = /^(?:utm_\w+|gclid|fbclid|msclkid|mc_[ce]id|_ga|phpsessid|jsessionid|sessionid|sid)$/i;

/**
 * A URL in the one form in which a crawl knows it: without a fragment, credentials and parameters that only track, with
 * its parameters in order and its escapes alike. Null where it is none that a crawl follows.
 */
export function normalizeUrl(text: string, base?: string, ignored: ReadonlySet<string> = NONE): string | null {
  const url = URL.parse(text.trim(), base);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "") return null;
  const path = unifyEscapes(url.pathname.replace(/;jsessionid=[^/?]*/i, ""));
  if (isTrap(path)) return null;
  const query = normalizeQuery(url.search.slice(1), ignored);
  const normal = `${url.origin}${path}${query === "" ? "" : `?${query}`}`;
  return normal.length <= MAX_LENGTH ? normal : null;
}

const NONE: ReadonlySet<string> = new Set();

/** Written again as it is, apart from the order: `?a` and `?a=` may be two things to a server. */
function normalizeQuery(query: string, ignored: ReadonlySet<string>): string {
  if (query === "") return "";
  return query
    .split("&")
    .filter((part) => {
      const name = part.split("=", 1)[0] ?? "";
      return part !== "" && !TRACKING.test(name) && !ignored.has(name);
    })
    .map(unifyEscapes)
    .sort()
    .join("&");
}

/** Escapes in capitals, and none of what needs none (RFC 3986, 6.2.2). */
export function unifyEscapes(text: string): string {
  return text.replace(/%[0-9a-f]{2}/gi, (escaped) => {
    const char = String.fromCharCode(Number.parseInt(escaped.slice(1), 16));
    return /[A-Za-z0-9\-._~]/.test(char) ? char : escaped.toUpperCase();
  });
}

function isTrap(path: string): boolean {
  const segments = path.split("/").filter((segment) => segment !== "");
  if (segments.length > MAX_SEGMENTS) return true;
  const seen = new Map<string, number>();
  for (const segment of segments) {
    const count = (seen.get(segment) ?? 0) + 1;
    if (count > MAX_REPEATS) return true;
    seen.set(segment, count);
  }
  return false;
}
