import type { IncomingMessage } from "node:http";
import { MillraceError } from "@millrace/protocol";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { ConnectionLimit } from "../limits/connections.ts";
import type { LimitParts } from "../limits/limit-hooks.ts";
import type { Settings } from "../settings.ts";
import { isLoopback, Networks } from "./addresses.ts";
import { allowedHosts, BrowserGuard } from "./browser-guard.ts";
import { type Client, clientOf, type ProxySettings } from "./client.ts";
import type { EdgeSettings } from "./edge-settings.ts";
import { type SecurityHeaders, securityHeaders } from "./security-headers.ts";

/** What keeps strangers' pages, forgers and floods away. */
export interface EdgeParts {
  readonly settings: EdgeSettings & {
    readonly host: string;
    readonly cors_origins: readonly string[];
    /** @see Settings.access */
    readonly access?: Settings["access"];
  };
  /** Whether callers have to say who they are. */
  readonly accessControl: boolean;
  /** Null: none are held to. */
  readonly limits: Omit<LimitParts, "accessControl"> | null;
}

/** Whether an endpoint is one that is not open to all. */
function isGuarded({ routeOptions: { config } }: FastifyRequest): boolean {
  return config.endpoint !== undefined && config.endpoint.access !== "open";
}

/** Any proxy may say that its client is another machine: nobody gains by saying so of themselves. */
function isForAnother(request: IncomingMessage, fromWorkers: boolean): boolean {
  return (["x-forwarded", "forwarded"] as const).some((headers) => {
    const { address } = clientOf(request, { trusted: THIS_MACHINE, headers, fromWorkers });
    return address !== "unknown" && !isLoopback(address);
  });
}

const THIS_MACHINE = new Networks(["loopback"]);

/** The outermost part of the HTTP service: where requests come from, and whether they may. */
export class Edge {
  readonly connections: ConnectionLimit;
  readonly #proxies: ProxySettings;
  readonly #guard: BrowserGuard;
  /** Whether nobody is asked who they are because only this machine is thought to come here. */
  readonly #forThisMachine: boolean;
  readonly #headers: SecurityHeaders;
  readonly #log: Logger;
  readonly #clients = new WeakMap<IncomingMessage, Client>();
  #warned = false;

  constructor({ settings, accessControl }: EdgeParts, fromWorkers: boolean, log: Logger) {
    const trusted = new Networks(settings.trusted_proxies);
    const { cors_origins: corsOrigins, public_url: publicUrl } = settings;
    this.#log = log;
    this.#forThisMachine = !accessControl && (settings.access ?? "auto") === "auto";
    const secureHost = publicUrl?.startsWith("https:") ? new URL(publicUrl).host : null;
    this.#proxies = { trusted, headers: settings.forwarded_headers, secureHost, fromWorkers };
    this.#guard = new BrowserGuard({
      allowedHosts: allowedHosts(settings.allowed_hosts, { boundTo: settings.host, accessControl }),
      corsOrigins,
      publicUrl,
    });
    this.#headers = securityHeaders({
      hstsSeconds: settings.hsts_seconds,
      publicIsSecure: secureHost !== null,
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

  /** @throws MillraceError HOST_NOT_ALLOWED, CROSS_SITE_REQUEST, UNAUTHENTICATED */
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
    if (this.#forThisMachine && isGuarded(request) && isForAnother(request.raw, this.#proxies.fromWorkers)) {
      throw new MillraceError(
        "UNAUTHENTICATED",
        "This service asks nobody who they are, as it is for its own machine, and this request comes from another one, through a proxy. Make an API key (millrace keys create) and start the service anew; or set access: off, where the proxy lets in only those who may do anything.",
      );
    }
  }

  #clientOf(request: IncomingMessage): Client {
    const before = this.#clients.get(request);
    if (before !== undefined) return before;
    const client = clientOf(request, this.#proxies);
    this.#clients.set(request, client);
    return client;
  }
}
