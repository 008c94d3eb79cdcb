/** The longest path that a login leads back to. */
const MAX_LENGTH = 2048;

/** A path of this service that a login may lead back to: anything else, another host's above all, is `/`. */
export function returnPath(wanted: string | null | undefined): string {
  if (wanted === null || wanted === undefined || wanted.length > MAX_LENGTH) return "/";
  // Browsers take a backslash for a slash, and leave tabs and line ends out.
  if (!/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(wanted)) return "/";
  const base = "http://millrace.invalid";
  if (!URL.canParse(wanted, base)) return "/";
  const { origin, pathname, search, hash } = new URL(wanted, base);
  // Back to the login would be a circle; a path that begins with two slashes once its dots are gone, another host.
  if (origin !== base || pathname.startsWith("//") || /^\/login(?:\/|$)/.test(pathname)) return "/";
  return pathname + search + hash;
}
