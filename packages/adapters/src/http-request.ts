import {
  type Adapter,
  AdapterError,
  compileTemplate,
  defineAdapter,
  type Message,
  type Template,
  templateField,
} from "@millrace/engine";
import { type JsonObject, jsonObjectSchema } from "@millrace/protocol";
import { z } from "zod";
import type { AdapterEnvironment } from "./environment.ts";
import { authorize, authSchema, setHeader, takeCredentials, withoutAuth } from "./http/http-auth.ts";
import type { HttpAnswer } from "./http/http-client.ts";
import { shown } from "./http/http-failure.ts";
import { firstPage, nextPage, type PreparedPaging, pagingSchema, preparePaging } from "./http/http-paging.ts";
import { parseHttpUrl } from "./http/http-url.ts";
import { withoutSecrets } from "./http/redirects.ts";
import { checkStatus, hasStatus, statusesField } from "./http/statuses.ts";
import { decodeBody, headerFields } from "./http-body.ts";
import { templateInput } from "./template-input.ts";

const MAX_TIMEOUT_SECONDS = 300;
const MAX_REDIRECTS = 20;

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
    auth: authSchema.optional().describe("Who asks: `type` is `basic`, `bearer`, `header` or `query`"),
    paging: pagingSchema
      .optional()
      .describe("Asks for further pages, a message each: `type` is `link`, `next`, `page`, `offset` or `cursor`"),
    retry_on: statusesField()
      .default([408, 425, 429, "5xx"])
      .describe("Statuses whose failure is retried: numbers, `4xx` and `5xx`"),
    accept: statusesField().default([]).describe("Statuses from 400 on that are answers like any other, as 404"),
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

type Config = z.infer<typeof config>;

interface Prepared {
  readonly url: Template;
  readonly headers: readonly { readonly name: string; readonly value: Template }[];
  readonly body: Template | null;
  readonly paging: PreparedPaging | null;
}

const EXAMPLE = `version: "1.0"
routes:
  fetch:
    inbound: { concurrency: 4 }
    adapters:
      - type: http_request
        config:
          url: "https://api.example.org/orders/\${id}"
          headers: { accept: application/json }
init_message: { route: fetch, payload: { id: 7 } }
`;

/** Makes an HTTP request. */
export function httpRequest({ http }: AdapterEnvironment): Adapter<Config, Prepared> {
  return defineAdapter({
    type: "http_request",
    category: "http",
    description:
      "Makes an HTTP request; adds `status`, `headers`, `body` (parsed where it is JSON, base64 where it is no text), the final `url` and `redirected`.",
    config,
    example: EXAMPLE,
    prepare: ({ url, headers, body, paging }) => ({
      url: compileTemplate(url),
      headers: Object.entries(headers).map(([name, value]) => ({ name, value: compileTemplate(value) })),
      body: typeof body === "string" ? compileTemplate(body) : null,
      paging: paging === undefined ? null : preparePaging(paging),
    }),
    async *process(message, { config: settings, prepared, signal, log, trace }) {
      const request = await requestOf(message, settings, prepared);
      // Of a request before this one in the chain.
      const { body_encoding: _, ...payload } = message.payload;
      const { paging } = prepared;
      const asked = new Set<string>();
      let url: URL | null = paging === null ? request.url : firstPage(paging, request.url);
      for (let page = 1; url !== null; page += 1) {
        if (asked.has(url.href)) throw circle(url);
        asked.add(url.href);
        const answer = await http.send({
          ...authorized(request, url, settings),
          method: settings.method,
          signal,
          trace,
          timeoutSeconds: settings.timeout_seconds,
          maxBytes: settings.max_bytes,
          maxRedirects: settings.follow_redirects ? MAX_REDIRECTS : 0,
          wantsBody: (status) => status < 400 || hasStatus(settings.accept, status),
        });
        checkStatus(answer, settings.retry_on, settings.accept);
        const fields = answerFields(answer, settings);
        if (paging === null) {
          yield { ...payload, ...fields };
          return;
        }
        yield { ...payload, ...fields, page };
        url = await nextPage(paging, url, answer.url, { ...answer, fields });
        if (page >= paging.paging.max_pages && url !== null) {
          log.warn(`${shown(request.url)} has more than ${page} pages (max_pages): the others are left out.`);
          return;
        }
      }
    },
  });
}

interface Request {
  readonly url: URL;
  readonly headers: Headers;
  readonly body?: string;
}

/** What the message makes of the configuration. */
async function requestOf(message: Message, settings: Config, prepared: Prepared): Promise<Request> {
  const input = templateInput(message);
  const url = parseHttpUrl(await prepared.url.render(input));
  const headers = new Headers();
  for (const { name, value } of prepared.headers) setHeader(headers, name, await value.render(input));
  takeCredentials(url, headers);
  if (typeof settings.body === "object") {
    if (!headers.has("content-type")) headers.set("content-type", "application/json");
    return { url, headers, body: JSON.stringify(settings.body) };
  }
  if (prepared.body === null) return { url, headers };
  if (!headers.has("content-type")) headers.set("content-type", "text/plain;charset=UTF-8");
  return { url, headers, body: await prepared.body.render(input) };
}

/** The request for a page: one of another origin goes without what only the first is to know. */
function authorized(request: Request, page: URL, { auth }: Config): Request {
  if (page.origin !== request.url.origin) return { ...request, url: page, headers: withoutSecrets(request.headers) };
  const url = new URL(page);
  const headers = new Headers(request.headers);
  if (auth !== undefined) authorize(auth, url, headers);
  return { ...request, url, headers };
}

function answerFields(answer: HttpAnswer, { auth }: Config): JsonObject {
  return {
    status: answer.status,
    headers: headerFields(answer.headers),
    ...decodeBody(answer.headers, answer.body),
    url: withoutAuth(answer.url, auth),
    redirected: answer.redirected,
  };
}

function circle(url: URL): AdapterError {
  const text = `The pages go in a circle: ${shown(url)} would be asked for a second time.`;
  return new AdapterError("PAGING_INVALID", text, { retryable: false });
}

function methodOf(input: unknown): unknown {
  return typeof input === "object" && input !== null && "method" in input ? input.method : "GET";
}
