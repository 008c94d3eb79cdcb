import { PROJECT_HEADER } from "@millrace/protocol/project-header";
import { ApiError, toApiError } from "./api-error.ts";

/** How the service is reached. */
export interface ClientOptions {
  /** As `http://127.0.0.1:8000`, a path included where there is one. In a browser it may be left out: the page's own origin. */
  readonly baseUrl?: string;
  /** Default the platform's. */
  readonly fetch?: typeof globalThis.fetch;
  /** An API key, `mr_…`, or a token of the issuer that the service trusts: sent as `Authorization: Bearer …`; empty: none. */
  readonly apiKey?: string | undefined;
  /** The project that every call is about: what it sees, and where what it makes belongs. Default: all that the credential sees. */
  readonly project?: string;
  /** Sent with every request; a function is asked before each, so that a token may change. */
  readonly headers?: HeaderValues | (() => HeaderValues | Promise<HeaderValues>);
}

/** What may be said with every call. */
export interface CallOptions {
  /** Gives the call up; it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** The way to one service, for the calls of a client. */
export interface Api {
  /** Sends a request, with the client's headers. Rejects as `fetch` does. */
  send(path: string, init: RequestInit): Promise<Response>;
  /** Sends JSON, and reads the JSON that is answered. `T` is what the service's own schema for the path says. */
  json<T>(
    method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE",
    path: string,
    input?: CallOptions & { readonly query?: object; readonly body?: unknown },
  ): Promise<T>;
}

type HeaderValues = Readonly<Record<string, string>>;

/** @throws TypeError where `baseUrl` is none */
export function createApi(options: ClientOptions): Api {
  const base = baseOf(options.baseUrl);
  const said = {
    ...(options.apiKey === undefined || options.apiKey === "" ? {} : { authorization: `Bearer ${options.apiKey}` }),
    ...(options.project === undefined ? {} : { [PROJECT_HEADER]: options.project }),
  };
  const send = async (path: string, init: RequestInit): Promise<Response> => {
    const own = typeof options.headers === "function" ? await options.headers() : options.headers;
    // Not as a method of something else: a browser's fetch minds.
    const fetcher = options.fetch ?? globalThis.fetch;
    return fetcher(base + path, {
      ...init,
      headers: { ...said, ...own, ...init.headers } as Record<string, string>,
    });
  };
  return {
    send,
    async json(method, path, { query = {}, body, signal } = {}) {
      let response: Response;
      try {
        response = await send(path + queryText(query), {
          method,
          headers: {
            accept: "application/json",
            ...(body === undefined ? {} : { "content-type": "application/json" }),
          },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
          ...(signal === undefined ? {} : { signal }),
        });
      } catch (error) {
        if (signal?.aborted) throw error;
        throw new ApiError(0, `There is no answer from ${base || "the page's origin"}. Is the service running?`, {
          cause: error,
        });
      }
      // A health report is an answer, whatever it says.
      if (!response.ok && !(response.status === 503 && path.startsWith("/health"))) throw await toApiError(response);
      if (response.status === 204) return undefined as never;
      try {
        return JSON.parse(await response.text());
      } catch (error) {
        if (signal?.aborted) throw error;
        const what = `What answers at ${base || "the page's origin"} is no Millrace: its answer is no JSON.`;
        throw new ApiError(0, what, { cause: error });
      }
    },
  };
}

/** `?a=1&b=2`; what is undefined is left out, and a list is sent as one parameter per value. */
export function queryText(query: object): string {
  const text = new URLSearchParams(
    Object.entries(query).flatMap(([name, value]): [string, string][] =>
      (Array.isArray(value) ? value : [value]).flatMap((each): [string, string][] =>
        each === undefined ? [] : [[name, String(each)]],
      ),
    ),
  ).toString();
  return text === "" ? "" : `?${text}`;
}

/**
 * An id as a segment of a path. Nothing has one of the ids that are refused, and a path with one would be another path.
 * @throws ApiError
 */
export function segment(id: string): string {
  if (id === "" || id === "." || id === "..")
    throw new ApiError(404, `There is nothing with the id "${id}".`, { code: "ROUTE_NOT_FOUND" });
  return encodeURIComponent(id);
}

function baseOf(url: string | undefined): string {
  if (url === undefined) {
    if ("location" in globalThis) return "";
    throw new TypeError('baseUrl: say where the service is, as "http://127.0.0.1:8000"');
  }
  if (url !== "" && !/^https?:\/\/[^/]/i.test(url))
    throw new TypeError(`baseUrl: expected an http or https URL, got "${url}"`);
  return url.replace(/\/+$/, "");
}
