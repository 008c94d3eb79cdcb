import { AdapterError, type TraceHeaders } from "@millrace/engine";
import type { Agent, Dispatcher } from "undici";
import { AllowedHosts } from "./allowed-hosts.ts";
import { ACCEPT_ENCODING, readUnpacked } from "./body-reader.ts";
import type { Lookup } from "./guarded-connector.ts";
import { HostPace, type Politeness, UNHURRIED } from "./host-pace.ts";
import { httpFailure, MAX_HEAD_BYTES, shown } from "./http-failure.ts";
import { type Hop, redirected } from "./redirects.ts";
import { retryAfterMs } from "./retry-after.ts";

/** What is asked of {@link HttpClient.send}. */
export interface HttpRequest {
  readonly url: URL;
  readonly method: Dispatcher.HttpMethod;
  readonly headers: Headers;
  readonly body?: string | Uint8Array;
  /** Aborted, the request ends at once, and so does the wait for a turn. */
  readonly signal: AbortSignal;
  /** The longest that it may take from its turn on, redirects and body included, in seconds. */
  readonly timeoutSeconds: number;
  /** The largest body that is read, in bytes, after decompression. */
  readonly maxBytes: number;
  /** Whether a body that is larger is cut off there, rather than refused. */
  readonly truncate?: boolean;
  /** Redirects that are followed; 0: the answer may be one. */
  readonly maxRedirects: number;
  readonly politeness?: Politeness;
  /** Where the request is in a trace; told to hosts that may know. Null, or left out: nowhere. */
  readonly trace?: TraceHeaders | null;
  /** False where whoever asks keeps a pace of its own with the host: none is waited for, and nothing learned. Default true. */
  readonly paced?: boolean;
  /** The longest that a pause of the host is waited for, in seconds; default `timeoutSeconds`. */
  readonly maxPauseSeconds?: number;
  /** Called before a redirect is followed. Throws where it must not be. */
  onRedirect?(to: URL): void | Promise<void>;
  /** Called with the head of the answer: false leaves the body unread, and empty. */
  wantsBody?(status: number, headers: Headers): boolean;
}

/** A whole answer. */
export interface HttpAnswer {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  /** Where it came from in the end. */
  readonly url: URL;
  readonly redirected: boolean;
  readonly body: Buffer;
  /** What its `Retry-After` asks to wait, in milliseconds. */
  readonly retryAfterMs: number | null;
}

/** What a client is made with. */
export interface HttpClientOptions {
  /** Hosts that may be asked although their addresses are private: `name`, `name:port`, `*.name`, an address. */
  readonly allowHosts: readonly string[];
  /** Sent where a request names no other. */
  readonly userAgent: string;
  /** Hosts that are told of the trace that a request is in, as {@link allowHosts}; `*` is all. Default all. */
  readonly traceHosts?: readonly string[];
  /** Instead of the resolver of this machine. */
  readonly lookup?: Lookup;
}

/** The head of an answer, and the body as it comes. */
interface Found {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  readonly body: Dispatcher.ResponseData["body"];
  readonly afterMs: number | null;
}

/** What is read of a body that nobody wants, in bytes and milliseconds. */
const MOST_DISCARDED = 64 * 1024;
const DISCARD_MS = 1_000;

const EMPTY = Buffer.alloc(0);

/** Connections to one host at once: more requests wait for one of them. */
const CONNECTIONS = 64;

/**
 * The one way of adapters to the web. It goes to public addresses alone and to hosts that are allowed, whatever names,
 * redirects and resolvers say; reads no more than it is told to; keeps connections; and goes at the pace that hosts ask
 * for, over all pipelines.
 */
export class HttpClient {
  readonly pace = new HostPace();
  readonly userAgent: string;
  readonly #allowed: AllowedHosts;
  /** Null: all. */
  readonly #traced: AllowedHosts | null;
  readonly #lookup: Lookup | undefined;
  #agent: Promise<Agent> | null = null;

  constructor({ allowHosts, userAgent, traceHosts = ["*"], lookup }: HttpClientOptions) {
    this.userAgent = userAgent;
    this.#traced = traceHosts.includes("*") ? null : new AllowedHosts(traceHosts);
    this.#allowed = new AllowedHosts(allowHosts);
    this.#lookup = lookup;
  }

  /**
   * Makes a request, and reads the answer.
   * @throws AdapterError HTTP_TIMEOUT, HTTP_FAILED, HTTP_HOST_PAUSED, retryable; HTTP_ADDRESS_REFUSED, HTTP_BODY_TOO_LARGE,
   * HTTP_HEADERS_TOO_LARGE, HTTP_ENCODING_INVALID, HTTP_REDIRECT_INVALID, HEADER_INVALID,
   * not retryable
   * @throws the signal's reason
   */
  async send(request: HttpRequest): Promise<HttpAnswer> {
    const { timeoutSeconds, signal } = request;
    const headers = new Headers(request.headers);
    setDefault(headers, "accept", "*/*");
    setDefault(headers, "accept-encoding", ACCEPT_ENCODING);
    setDefault(headers, "user-agent", this.userAgent);
    let hop: Hop = { url: request.url, method: request.method, headers, body: request.body };
    let timeout: AbortSignal | null = null;
    try {
      for (let redirects = 0; ; redirects += 1) {
        const leave = await this.#turn(request, hop.url.host, timeout);
        try {
          // Whole milliseconds: 1.001 s is 1000.9999999999999 ms, which a timer refuses.
          timeout ??= AbortSignal.timeout(Math.ceil(timeoutSeconds * 1000));
          const found = await this.#ask(hop, request.trace ?? null, AbortSignal.any([signal, timeout]));
          if (request.paced !== false) this.pace.note(hop.url.host, found.status, found.afterMs);
          const next = request.maxRedirects === 0 ? null : redirected(hop, found.status, found.headers.get("location"));
          if (next === null) return await this.#read(request, hop.url, found, redirects > 0);
          await discard(found.body);
          if (redirects >= request.maxRedirects) throw tooMany(request.url, request.maxRedirects);
          hop = next;
        } finally {
          leave();
        }
        await request.onRedirect?.(hop.url);
      }
    } catch (error) {
      signal.throwIfAborted();
      throw httpFailure(error, hop.url, timeout?.aborted === true ? timeoutSeconds : null);
    }
  }

  /** Lets go of all connections. */
  async close(): Promise<void> {
    await (await this.#agent)?.destroy();
  }

  async #turn(request: HttpRequest, host: string, timeout: AbortSignal | null): Promise<() => void> {
    const { signal, timeoutSeconds, politeness = UNHURRIED, maxPauseSeconds = timeoutSeconds, paced = true } = request;
    if (!paced) return () => undefined;
    const until = timeout === null ? signal : AbortSignal.any([signal, timeout]);
    return await this.pace.enter(host, politeness, maxPauseSeconds * 1000, until);
  }

  async #ask({ url, method, headers, body }: Hop, trace: TraceHeaders | null, signal: AbortSignal): Promise<Found> {
    this.#agent ??= openAgent(this.#allowed, this.#lookup);
    const traced = trace !== null && (this.#traced?.has(url.hostname, portOf(url)) ?? true) ? trace : null;
    const answer = await (await this.#agent).request({
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method,
      headers: traced === null ? Object.fromEntries(headers) : withTrace(headers, traced),
      signal,
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : Buffer.from(body) }),
    });
    const found = new Headers();
    for (const [name, value] of Object.entries(answer.headers)) {
      for (const each of Array.isArray(value) ? value : [value ?? ""]) append(found, name, each);
    }
    const afterMs = retryAfterMs(found.get("retry-after"));
    return { status: answer.statusCode, statusText: answer.statusText, headers: found, body: answer.body, afterMs };
  }

  async #read(
    request: HttpRequest,
    url: URL,
    { status, statusText, headers, body, afterMs }: Found,
    wasRedirected: boolean,
  ): Promise<HttpAnswer> {
    let bytes: Buffer = EMPTY;
    if (request.wantsBody?.(status, headers) ?? true) {
      bytes = await readUnpacked(body, headers.get("content-encoding"), request.maxBytes, request.truncate);
    } else void discard(body);
    return { status, statusText, headers, url, redirected: wasRedirected, body: bytes, retryAfterMs: afterMs };
  }
}

/** Loaded with the first request, so that a service that makes none does not start slower. */
async function openAgent(allowed: AllowedHosts, lookup: Lookup | undefined): Promise<Agent> {
  const [{ Agent }, { guardedConnector }] = await Promise.all([import("undici"), import("./guarded-connector.ts")]);
  return new Agent({
    connect: guardedConnector(allowed, lookup),
    connections: CONNECTIONS,
    maxHeaderSize: MAX_HEAD_BYTES,
    // The signal ends a request that takes too long.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
}

/** One that the pipeline sets itself is left as it is. */
function withTrace(headers: Headers, { traceparent, tracestate }: TraceHeaders): Record<string, string> {
  const all = Object.fromEntries(headers);
  if (headers.has("traceparent")) return all;
  return { ...all, traceparent, ...(tracestate === null ? {} : { tracestate }) };
}

function portOf(url: URL): string {
  return url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port;
}

function setDefault(headers: Headers, name: string, value: string): void {
  if (!headers.has(name)) headers.set(name, value);
}

/** A header of an answer that is none by the letter is left out: what else there is may do. */
function append(headers: Headers, name: string, value: string): void {
  try {
    headers.append(name, value);
  } catch {
    // Nobody can ask for it.
  }
}

/** A short rest is read, so that its connection can be used again; else the connection is closed. */
async function discard(body: Dispatcher.ResponseData["body"]): Promise<void> {
  try {
    await body.dump({ limit: MOST_DISCARDED, signal: AbortSignal.timeout(DISCARD_MS) });
  } catch {
    // That it broke changes nothing.
  }
}

function tooMany(url: URL, max: number): AdapterError {
  const text = `The request to ${shown(url)} failed: redirect count exceeded, of which ${max} are followed.`;
  return new AdapterError("HTTP_REDIRECT_INVALID", text, { retryable: false });
}
