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

/** What a cookie holds, and whether it is one that was set over TLS. */
export interface Cookie {
  readonly value: string;
  readonly secure: boolean;
}

/**
 * The cookie of a kind in a request's `Cookie`, the one that was set over TLS first; null where there is none. `overTls`:
 * whether the browser asks over TLS. One that was not set so is then none: neighbouring hosts can have set it.
 */
export function readCookie(header: string | undefined, kind: CookieKind, overTls: boolean): Cookie | null {
  const parts = (header ?? "").split(";").map((part) => part.trim());
  for (const secure of overTls ? [true] : [true, false]) {
    const start = `${nameOf(kind, secure)}=`;
    const value = parts.find((part) => part.startsWith(start))?.slice(start.length);
    if (value !== undefined && /^[\w.~-]+$/.test(value) && value.length <= MAX_VALUE) return { value, secure };
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
