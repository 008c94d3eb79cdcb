import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { MillraceError } from "@millrace/protocol";
import { isLoopback } from "./addresses.ts";
import type { Client } from "./client.ts";

/** Which names the service has, and whose pages may change something in it. */
export interface BrowserGuardSettings {
  /** Names beside addresses and `localhost` that it answers to, as `example.org` or `*.example.org`; null: to any. */
  readonly allowedHosts: readonly string[] | null;
  /** Origins whose pages may call it. */
  readonly corsOrigins: readonly string[] | "*";
  /** Where users find it, if that was told. */
  readonly publicUrl: string | null;
}

/** Methods that change nothing. */
const SAFE = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

/**
 * Keeps pages of other sites from driving a service that their visitor can reach. A browser tells by which name it calls
 * (`Host`) and from which page (`Sec-Fetch-Site`, `Origin`), and no page can have it say otherwise.
 */
export class BrowserGuard {
  readonly #allowedHosts: readonly string[] | null;
  readonly #anyOrigin: boolean;
  readonly #origins: ReadonlySet<string>;
  readonly #public: URL | null;

  constructor({ allowedHosts, corsOrigins, publicUrl }: BrowserGuardSettings) {
    this.#allowedHosts = allowedHosts === null || allowedHosts.includes("*") ? null : allowedHosts;
    this.#anyOrigin = corsOrigins === "*" || corsOrigins.includes("*");
    this.#public = publicUrl === null ? null : new URL(publicUrl);
    this.#origins = new Set(corsOrigins === "*" ? [] : corsOrigins);
  }

  /** @throws MillraceError HOST_NOT_ALLOWED, CROSS_SITE_REQUEST */
  check(request: IncomingMessage, client: Client): void {
    // What is not said in the header itself a page could say: of a trusted proxy's word only the origin is compared.
    this.#checkHost(request.headers.host);
    if (!SAFE.has(request.method ?? "")) this.#checkSite(request, client);
  }

  /** A page whose name leads to this machine, for the time of the attack (DNS rebinding), calls it by that name. */
  #checkHost(header: string | undefined): void {
    if (this.#allowedHosts === null || header === undefined) return;
    const host = hostIn(header);
    // Nobody can have an address lead elsewhere.
    if (isIP(host) !== 0 || host === "localhost" || host.endsWith(".localhost") || host === this.#public?.hostname)
      return;
    if (this.#allowedHosts.some((allowed) => matches(host, allowed.toLowerCase()))) return;
    throw new MillraceError(
      "HOST_NOT_ALLOWED",
      `The service is not known by the name ${JSON.stringify(host.slice(0, 200))}. If it is one of its own, add it to the setting allowed_hosts; until then it answers to localhost and to addresses.`,
    );
  }

  /**
   * Whether a page of another origin sends a request, as browsers tell it; what is no browser sends neither header. A page
   * that may call the service is another's all the same.
   */
  isForeign({ headers }: Pick<IncomingMessage, "headers">, client: Pick<Client, "host">): boolean {
    const { origin, "sec-fetch-site": site } = headers;
    if (site === "same-origin" || site === "none") return false;
    if (origin === undefined) return site !== undefined;
    if (origin === this.#public?.origin) return false;
    // Browsers leave the first header out where there is no TLS.
    return site !== undefined || client.host === null || !isPageOf(origin, client.host);
  }

  #checkSite(request: IncomingMessage, client: Client): void {
    const { origin } = request.headers;
    if (this.#anyOrigin || (origin !== undefined && this.#origins.has(origin))) return;
    if (!this.isForeign(request, client)) return;
    throw new MillraceError(
      "CROSS_SITE_REQUEST",
      `A page of another site${origin === undefined ? "" : ` (${origin.slice(0, 200)})`} may not change anything here. If it is to, add its origin to the setting cors_origins; if it is the service's own page behind a proxy, hand the Host header on, or set public_url.`,
    );
  }
}

/**
 * The names that a service answers to: those that are set; where none are, any, but for one that only this machine can
 * reach and that asks nobody who they are: every page that is open on the machine could else drive it.
 */
export function allowedHosts(
  allowed: readonly string[],
  { boundTo, accessControl }: { readonly boundTo: string; readonly accessControl: boolean },
): readonly string[] | null {
  if (allowed.length > 0) return allowed;
  const local = isLoopback(boundTo) || boundTo === "localhost" || boundTo.endsWith(".localhost");
  return local && !accessControl ? [] : null;
}

/** Without port, brackets and the dot at the end. */
function hostIn(header: string): string {
  const text = header.trim().toLowerCase();
  const bracketed = /^\[([^\]]*)\](?::\d*)?$/.exec(text)?.[1];
  return bracketed ?? text.replace(/:\d*$/, "").replace(/\.$/, "");
}

function matches(host: string, allowed: string): boolean {
  return allowed.startsWith("*.") ? host.endsWith(allowed.slice(1)) : host === allowed;
}

/**
 * Whether an origin is that of pages on a host. Some proxies hand on the name without the port: the page of another port
 * is then taken for the service's own.
 */
function isPageOf(origin: string, host: string): boolean {
  if (!URL.canParse(origin)) return false;
  const url = new URL(origin);
  return url.host !== "" && (url.host === host || url.hostname === host);
}
