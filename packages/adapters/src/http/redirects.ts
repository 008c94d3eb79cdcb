import { AdapterError } from "@millrace/engine";
import type { Dispatcher } from "undici";
import { shown } from "./http-failure.ts";

/** One request on the way to an answer. */
export interface Hop {
  readonly url: URL;
  readonly method: Dispatcher.HttpMethod;
  readonly headers: Headers;
  readonly body: string | Uint8Array | undefined;
}

/** Statuses that lead elsewhere. */
const STATUSES = new Set([301, 302, 303, 307, 308]);

/** What goes with a request to another origin; all else may be a secret that is none of its business. */
const HARMLESS =
  /^(?:accept(?:-.*)?|content-(?:type|language)|user-agent|range|if-.*|idempotency-key|cache-control|pragma)$/;

/**
 * The request that an answer leads to; null where it leads nowhere.
 * @throws AdapterError HTTP_REDIRECT_INVALID, not retryable
 */
export function redirected(hop: Hop, status: number, location: string | null): Hop | null {
  if (!STATUSES.has(status) || location === null) return null;
  const url = URL.parse(location, hop.url);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    const text = `${shown(hop.url)} redirects to "${location.slice(0, 200).replace(/\?.*/s, "?…")}", which is no HTTP(S) URL.`;
    throw new AdapterError("HTTP_REDIRECT_INVALID", text, { retryable: false });
  }
  if (url.hash === "") url.hash = hop.url.hash;
  // Credentials that an answer puts into a URL are not ours to send.
  url.username = "";
  url.password = "";
  const headers = url.origin === hop.url.origin ? new Headers(hop.headers) : withoutSecrets(hop.headers);
  const toGet =
    (status === 303 && hop.method !== "HEAD") || ((status === 301 || status === 302) && hop.method === "POST");
  if (!toGet) return { url, method: hop.method, headers, body: hop.body };
  for (const name of ["content-type", "content-length", "content-encoding", "content-language"]) headers.delete(name);
  return { url, method: "GET", headers, body: undefined };
}

/** The headers of a request as another origin may see them. */
export function withoutSecrets(headers: Headers): Headers {
  const safe = new Headers(headers);
  for (const name of [...safe.keys()]) if (!HARMLESS.test(name)) safe.delete(name);
  return safe;
}
