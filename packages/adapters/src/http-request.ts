import {
  type Adapter,
  AdapterError,
  compileTemplate,
  defineAdapter,
  type Template,
  templateField,
} from "@millrace/engine";
import { type JsonObject, jsonObjectSchema } from "@millrace/protocol";
import { z } from "zod";
import { decodeBody, readBody } from "./http-body.ts";
import { templateInput } from "./template-input.ts";

/** `fetch` itself waits no longer for the head of an answer. */
const MAX_TIMEOUT_SECONDS = 300;

const config = z
  .strictObject({
    url: templateField().min(1).describe("An http or https URL, with `${…}` over the message"),
    method: z.enum(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]).default("GET").describe("The request's method"),
    headers: z
      .record(z.string(), templateField())
      .default({})
      .describe("The request's headers, with `${…}` over the message"),
    body: z
      .union([templateField(), jsonObjectSchema])
      .optional()
      .describe("A text with `${…}` over the message, or an object that is sent as JSON"),
    timeout_seconds: z
      .number()
      .gt(0)
      .max(MAX_TIMEOUT_SECONDS)
      .default(30)
      .describe("The longest that the whole request may take, in seconds"),
    max_bytes: z
      .int()
      .min(1)
      .max(1024 * 1024 * 1024)
      .default(10 * 1024 * 1024)
      .describe("The largest body that is read, in bytes, after decompression"),
    follow_redirects: z.boolean().default(true).describe("Whether redirects are followed, at most 20"),
  })
  .refine(({ method, body }) => body === undefined || (method !== "GET" && method !== "HEAD"), {
    path: ["body"],
    error: ({ input }) => `cannot be sent with the method ${methodOf(input)}; set method, as POST`,
  });

interface Prepared {
  readonly url: Template;
  readonly headers: readonly { readonly name: string; readonly value: Template }[];
  readonly body: Template | null;
}

const EXAMPLE = `version: "1.0"
routes:
  fetch:
    inbound: { concurrency: 4 }
    adapters:
      - type: http_request
        config:
          url: "http://127.0.0.1:8000/api/v1/adapters/\${type}"
          headers: { accept: application/json }
init_message: { route: fetch, payload: { type: delay } }
`;

/** Makes an HTTP request. */
export const httpRequest: Adapter<z.infer<typeof config>, Prepared> = defineAdapter({
  type: "http_request",
  category: "http",
  description:
    "Makes an HTTP request; adds `status`, `headers` and `body` (parsed where it is JSON, base64 where it is no text).",
  config,
  example: EXAMPLE,
  prepare: ({ url, headers, body }) => ({
    url: compileTemplate(url),
    headers: Object.entries(headers).map(([name, value]) => ({ name, value: compileTemplate(value) })),
    body: typeof body === "string" ? compileTemplate(body) : null,
  }),
  async process(message, { config: settings, prepared, signal }) {
    const input = templateInput(message);
    const url = parseUrl(await prepared.url.render(input));
    const headers = new Headers();
    for (const { name, value } of prepared.headers) setHeader(headers, name, await value.render(input));
    takeCredentials(url, headers);
    let body: string | undefined = prepared.body === null ? undefined : await prepared.body.render(input);
    if (typeof settings.body === "object") {
      body = JSON.stringify(settings.body);
      if (!headers.has("content-type")) headers.set("content-type", "application/json");
    }
    // Whole milliseconds: 1.001 s is 1000.9999999999999 ms, which a timer refuses.
    const timeout = AbortSignal.timeout(Math.ceil(settings.timeout_seconds * 1000));
    try {
      const response = await fetch(url, {
        method: settings.method,
        headers,
        ...(body === undefined ? {} : { body }),
        redirect: settings.follow_redirects ? "follow" : "manual",
        signal: AbortSignal.any([signal, timeout]),
      });
      await checkStatus(response, url);
      const bytes = await readBody(response, settings.max_bytes);
      // Of a request before this one in the chain.
      const { body_encoding: _, ...payload } = message.payload;
      return {
        ...payload,
        status: response.status,
        headers: toFields(response.headers),
        ...decodeBody(response, bytes),
      };
    } catch (error) {
      if (error instanceof AdapterError) throw error;
      signal.throwIfAborted();
      throw toAdapterError(error, url, settings.timeout_seconds, timeout.aborted);
    }
  },
});

function toAdapterError(error: unknown, url: URL, seconds: number, timedOut: boolean): AdapterError {
  if (timedOut) {
    return new AdapterError("HTTP_TIMEOUT", `${shown(url)} did not answer within ${seconds} s.`, { cause: error });
  }
  const code = codeOf(error);
  if (code === "UND_ERR_INVALID_ARG" || code === "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH") {
    // Headers that belong to the connection, as transfer-encoding: the reason names the one.
    return new AdapterError("HEADER_INVALID", `The headers cannot be sent: ${reason(error)}.`, {
      retryable: false,
      cause: error,
    });
  }
  return new AdapterError("HTTP_FAILED", `The request to ${shown(url)} failed: ${reason(error)}.`, { cause: error });
}

function methodOf(input: unknown): unknown {
  return typeof input === "object" && input !== null && "method" in input ? input.method : "GET";
}

function parseUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    const safe = text.slice(0, 200).replace(/\/\/[^/@]*@/, "//…@");
    throw new AdapterError("URL_INVALID", `"${safe}" is no http or https URL.`, { retryable: false });
  }
  return url;
}

/** Moves the credentials of a URL, which `fetch` refuses, to the header that they stand for. */
function takeCredentials(url: URL, headers: Headers): void {
  if (url.username === "" && url.password === "") return;
  const credentials = `${unescapePart(url.username)}:${unescapePart(url.password)}`;
  url.username = "";
  url.password = "";
  if (!headers.has("authorization"))
    headers.set("authorization", `Basic ${Buffer.from(credentials).toString("base64")}`);
}

function unescapePart(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The value stays out of the error, which everyone who sees the events sees: it may be a secret. */
function setHeader(headers: Headers, name: string, value: string): void {
  try {
    headers.set(name, value);
  } catch {
    const why = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)
      ? "its value has a line break, a NUL or a character beyond Latin-1"
      : "this is no name of a header";
    throw new AdapterError("HEADER_INVALID", `The header "${name}" cannot be sent: ${why}.`, { retryable: false });
  }
}

/** What the server may answer otherwise the next time is retried: 408, 425, 429 and 5xx. */
async function checkStatus(response: Response, url: URL): Promise<void> {
  const { status } = response;
  if (status < 400) return;
  // Unread, the body would keep its connection. That it broke changes nothing.
  await response.body?.cancel().catch(() => undefined);
  const retryable = status >= 500 || status === 408 || status === 425 || status === 429;
  throw new AdapterError("HTTP_STATUS", `${shown(url)} answered ${status} ${response.statusText}`.trimEnd(), {
    retryable,
  });
}

/** Each by its name; the cookies are a list, since their values may hold commas. */
function toFields(headers: Headers): JsonObject {
  const cookies = headers.getSetCookie();
  return { ...Object.fromEntries(headers), ...(cookies.length === 0 ? {} : { "set-cookie": cookies }) };
}

/** A URL as errors and events may show it: credentials, and what follows the `?`, may be secret. */
function shown(url: URL): string {
  return `${url.origin}${url.pathname}${url.search === "" ? "" : "?…"}`;
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  if (cause.message !== "") return cause.message;
  // A name with several addresses fails once for each.
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : undefined;
  return first instanceof Error ? first.message : error.message;
}

function codeOf(error: unknown): unknown {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && "code" in cause ? cause.code : undefined;
}
