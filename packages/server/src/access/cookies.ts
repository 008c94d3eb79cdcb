/**
 * Cookies of the service: out of reach for scripts, for this origin alone. Over TLS they bear the prefix that keeps
 * neighbouring hosts, and whoever sits on the line without TLS, from setting them.
 */
export interface CookieKind {
  readonly name: string;
  /** `Lax` where a page of another site leads back here, as a provider does; else `Strict`. */
  readonly sameSite: "Strict" | "Lax";
}

/** The dashboard's login. */
export const SESSION_COOKIE: CookieKind = { name: "millrace_session", sameSite: "Strict" };

/** A sign-in that is under way at the provider. */
export const LOGIN_COOKIE: CookieKind = { name: "millrace_login", sameSite: "Lax" };

/** The longest that is taken for one: what is longer is no cookie of this service. */
const MAX_VALUE = 4096;

/** What the cookie of a kind holds, of a request's `Cookie`; null where there is none, or what can be none. */
export function readCookie(header: string | undefined, kind: CookieKind, secure: boolean): string | null {
  const name = nameOf(kind, secure);
  for (const part of (header ?? "").split(";")) {
    const at = part.indexOf("=");
    if (at < 0 || part.slice(0, at).trim() !== name) continue;
    const value = part.slice(at + 1).trim();
    return /^[\w.~-]+$/.test(value) && value.length <= MAX_VALUE ? value : null;
  }
  return null;
}

/** A `Set-Cookie`; it ends with the browser's session where `maxAge`, in seconds, is null. */
export function setCookie(kind: CookieKind, value: string, secure: boolean, maxAge: number | null): string {
  const age = maxAge === null ? "" : `; Max-Age=${Math.max(0, Math.floor(maxAge))}`;
  return `${nameOf(kind, secure)}=${value}; Path=/; HttpOnly; SameSite=${kind.sameSite}${secure ? "; Secure" : ""}${age}`;
}

/** A `Set-Cookie` that takes it away. */
export function dropCookie(kind: CookieKind, secure: boolean): string {
  return setCookie(kind, "", secure, 0);
}

function nameOf({ name }: CookieKind, secure: boolean): string {
  return secure ? `__Host-${name}` : name;
}
