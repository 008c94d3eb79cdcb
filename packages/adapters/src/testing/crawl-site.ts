import { hash, randomUUID } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { type AnyAdapter, Routed } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import { LocalServer } from "./local-server.ts";
import { stream } from "./run-adapter.ts";

/** What a site has at a path: a body as HTML, or more. */
export type SitePage =
  | string
  | {
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string | Uint8Array;
    };

/** A site on this machine, whose pages may be changed while it is crawled. */
export class CrawlSite {
  readonly pages = new Map<string, SitePage>();
  /** Paths that were asked for, in order. */
  readonly asked: string[] = [];
  readonly headers: IncomingHttpHeaders[] = [];
  readonly #server: LocalServer;

  private constructor(server: LocalServer) {
    this.#server = server;
  }

  static async start(pages: Readonly<Record<string, SitePage>>): Promise<CrawlSite> {
    const server = await LocalServer.start((request, response) => {
      const path = request.url ?? "/";
      site.asked.push(path);
      site.headers.push(request.headers);
      const page = site.pages.get(path);
      if (page === undefined) {
        response.writeHead(404).end("no such page");
        return;
      }
      const { status = 200, headers = {}, body = "" } = typeof page === "string" ? { body: page } : page;
      const etag = `"${hash("sha1", body).slice(0, 12)}"`;
      if (status === 200 && headers.etag === undefined && request.headers["if-none-match"] === etag) {
        response.writeHead(304, { etag }).end();
        return;
      }
      response.writeHead(status, { "content-type": "text/html; charset=utf-8", etag, ...headers }).end(body);
    });
    const site = new CrawlSite(server);
    for (const [path, page] of Object.entries(pages)) site.pages.set(path, page);
    return site;
  }

  get url(): string {
    return this.#server.url;
  }

  /** Forgets what was asked for; returns it, without robots.txt, sorted. */
  takeAsked(): string[] {
    this.headers.length = 0;
    return this.asked
      .splice(0)
      .filter((path) => path !== "/robots.txt")
      .sort();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server[Symbol.asyncDispose]();
  }
}

/** Links to paths, as HTML. */
export function linksTo(...paths: readonly string[]): string {
  return paths.map((path) => `<a href="${path}">x</a>`).join("\n");
}

/** A crawl as the engine would do it: what goes back to the route is taken in turn. */
export async function crawl(
  adapter: AnyAdapter,
  config: JsonObject,
  payload: JsonObject,
  options: { readonly lines?: string[] } = {},
): Promise<JsonObject[]> {
  const pages: JsonObject[] = [];
  const prepared: unknown = adapter.prepare?.(adapter.config.parse(config));
  const executionId = randomUUID();
  const queue = [{ id: executionId, payload }];
  for (let message = queue.shift(); message !== undefined; message = queue.shift()) {
    let place = 0;
    const lines = options.lines === undefined ? {} : { lines: options.lines };
    for await (const emit of stream(adapter, config, message.payload, {
      id: message.id,
      executionId,
      prepared,
      ...lines,
    })) {
      if (emit instanceof Routed) queue.push({ id: `${message.id}.${place}`, payload: emit.payload });
      else pages.push(emit);
      place += 1;
    }
  }
  return pages;
}
