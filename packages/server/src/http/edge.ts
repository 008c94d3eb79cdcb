import type { IncomingMessage } from "node:http";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { ConnectionLimit } from "../limits/connections.ts";
import type { LimitParts } from "../limits/limit-hooks.ts";
import { isLoopback, Networks } from "./addresses.ts";
import { allowedHosts, BrowserGuard } from "./browser-guard.ts";
import { type Client, clientOf, type ProxySettings } from "./client.ts";
import type { EdgeSettings } from "./edge-settings.ts";
import { type SecurityHeaders, securityHeaders } from "./security-headers.ts";

/** What keeps strangers' pages, forgers and floods away. */
export interface EdgeParts {
  readonly settings: EdgeSettings & { readonly host: string; readonly cors_origins: readonly string[] };
  /** Whether callers have to say who they are. */
  readonly accessControl: boolean;
  /** Null: none are held to. */
  readonly limits: Omit<LimitParts, "accessControl"> | null;
}

/** The outermost part of the HTTP service: where requests come from, and whether they may. */
export class Edge {
  readonly connections: ConnectionLimit;
  readonly #proxies: ProxySettings;
  readonly #guard: BrowserGuard;
  readonly #headers: SecurityHeaders;
  readonly #log: Logger;
  readonly #clients = new WeakMap<IncomingMessage, Client>();
  #warned = false;

  constructor({ settings, accessControl }: EdgeParts, fromWorkers: boolean, log: Logger) {
    const trusted = new Networks(settings.trusted_proxies);
    const { cors_origins: corsOrigins, public_url: publicUrl } = settings;
    this.#log = log;
    this.#proxies = { trusted, headers: settings.forwarded_headers, fromWorkers };
    this.#guard = new BrowserGuard({
      allowedHosts: allowedHosts(settings.allowed_hosts, { boundTo: settings.host, accessControl }),
      corsOrigins,
      publicUrl,
    });
    this.#headers = securityHeaders({
      hstsSeconds: settings.hsts_seconds,
      publicIsSecure: publicUrl?.startsWith("https:") ?? false,
      crossOrigin: corsOrigins.length > 0,
    });
    this.connections = new ConnectionLimit(
      fromWorkers ? 0 : settings.limit_connections,
      (address) => trusted.has(address) || (!accessControl && isLoopback(address)),
    );
  }

  /** Gives requests their `client` and `isForeign`. */
  decorate(app: FastifyInstance): void {
    const edge = this;
    app.decorateRequest("client", {
      getter(this: FastifyRequest): Client {
        return edge.#clientOf(this.raw);
      },
    });
    app.decorateRequest("isForeign", {
      getter(this: FastifyRequest): boolean {
        return edge.#guard.isForeign(this.raw, this.client);
      },
    });
  }

  /** Sets the headers that every answer has; also that to what the framework refuses before it is a request of ours. */
  setHeaders({ raw }: FastifyRequest, reply: FastifyReply): void {
    this.#headers.set(reply, this.#clientOf(raw).secure);
  }

  /** @throws MillraceError HOST_NOT_ALLOWED, CROSS_SITE_REQUEST */
  check(request: FastifyRequest): void {
    const { client } = request;
    if (client.proxyNotTrusted && !this.#warned) {
      this.#warned = true;
      this.#log.warn(
        { address: client.address },
        "requests come through a proxy that trusted_proxies does not name: all of its clients count as one",
      );
    }
    this.#guard.check(request.raw, client);
  }

  #clientOf(request: IncomingMessage): Client {
    const before = this.#clients.get(request);
    if (before !== undefined) return before;
    const client = clientOf(request, this.#proxies);
    this.#clients.set(request, client);
    return client;
  }
}
