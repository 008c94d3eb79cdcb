import {
  type Adapter,
  AdapterError,
  compileTemplate,
  defineAdapter,
  type Message,
  type Template,
  templateField,
} from "@millrace/engine";
import type { JsonValue } from "@millrace/protocol";
import { z } from "zod";
import type { AdapterEnvironment } from "./environment.ts";
import { authorize, authSchema, setHeader, takeCredentials } from "./http/http-auth.ts";
import type { HttpAnswer } from "./http/http-client.ts";
import { shown } from "./http/http-failure.ts";
import { parseHttpUrl } from "./http/http-url.ts";
import { checkStatus, hasStatus, statusesField } from "./http/statuses.ts";
import { decodeBody } from "./http-body.ts";
import { templateInput } from "./template-input.ts";

const config = z.strictObject({
  url: templateField().min(1).describe("An http or https URL, with `${…}` over the message"),
  method: z.enum(["POST", "PUT", "PATCH"]).default("POST").describe("The request's method"),
  headers: z
    .record(z.string(), templateField())
    .default({})
    .describe("The request's headers, with `${…}` over the message"),
  field: z
    .string()
    .min(1)
    .optional()
    .describe("The field that is sent, as `items` of a batch; default the whole payload"),
  format: z
    .enum(["json", "jsonl", "text"])
    .default("json")
    .describe("How it is sent: as JSON, as a line of JSON for each element of a list, or a text as it is"),
  idempotency_header: z
    .string()
    .min(1)
    .nullable()
    .default("idempotency-key")
    .describe("The header that holds the message's id, by which the receiver knows what comes again; null: none"),
  auth: authSchema.optional().describe("Who sends: `type` is `basic`, `bearer`, `header` or `query`"),
  retry_on: statusesField()
    .default([408, 425, 429, "5xx"])
    .describe("Statuses whose failure is retried: numbers, `4xx` and `5xx`"),
  accept: statusesField()
    .default([])
    .describe("Statuses from 400 on that are as good as any, as 409: it is there already"),
  timeout_seconds: z
    .number()
    .gt(0)
    .max(300)
    .default(30)
    .describe("The longest that the whole request may take, in seconds"),
  max_bytes: z
    .int()
    .min(1)
    .max(256 * 1024 * 1024)
    .default(1024 * 1024)
    .describe("The largest answer that is read, in bytes, after decompression"),
});

type Config = z.infer<typeof config>;

interface Prepared {
  readonly url: Template;
  readonly headers: readonly { readonly name: string; readonly value: Template }[];
}

const CONTENT_TYPES = { json: "application/json", jsonl: "application/x-ndjson", text: "text/plain; charset=utf-8" };

const EXAMPLE = `version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 250 } }], outbound: [pages] }
  pages: { adapters: [{ type: batch, config: { size: 100 } }], outbound: [send] }
  send:
    inbound: { concurrency: 2 }
    adapters:
      - type: http_post
        config: { url: "https://example.org/readings", field: items, accept: [409] }
init_message: { route: make }
`;

/** Sends messages to a server. */
export function httpPost({ http }: AdapterEnvironment): Adapter<Config, Prepared> {
  return defineAdapter({
    type: "http_post",
    category: "sink",
    description:
      "Sends the payload, a field of it, or the items of a batch to a server over HTTP, with a key by which it knows what comes again; adds `status` and `response`.",
    config,
    example: EXAMPLE,
    prepare: ({ url, headers }) => ({
      url: compileTemplate(url),
      headers: Object.entries(headers).map(([name, value]) => ({ name, value: compileTemplate(value) })),
    }),
    async process(message, { config: settings, prepared, signal, trace }) {
      const input = templateInput(message);
      const url = parseHttpUrl(await prepared.url.render(input));
      const headers = new Headers({ "content-type": CONTENT_TYPES[settings.format] });
      if (settings.idempotency_header !== null) setHeader(headers, settings.idempotency_header, keyOf(message));
      for (const { name, value } of prepared.headers) setHeader(headers, name, await value.render(input));
      takeCredentials(url, headers);
      if (settings.auth !== undefined) authorize(settings.auth, url, headers);
      const answer = await http.send({
        url,
        method: settings.method,
        headers,
        body: bodyOf(message, settings),
        signal,
        trace,
        timeoutSeconds: settings.timeout_seconds,
        maxBytes: settings.max_bytes,
        maxRedirects: 0,
        wantsBody: (status) => status < 300 || hasStatus(settings.accept, status),
      });
      checkNoRedirect(answer);
      checkStatus(answer, settings.retry_on, settings.accept);
      const { body } = decodeBody(answer.headers, answer.body);
      return { ...message.payload, status: answer.status, response: body ?? null };
    },
  });
}

/** The same for every attempt; where a step before made several payloads of the message, each has its own. */
function keyOf({ id, piece }: Message): string {
  return piece === 0 ? id : `${id}.${piece}`;
}

function bodyOf({ payload }: Message, { field, format }: Config): string {
  if (field !== undefined && !Object.hasOwn(payload, field)) {
    throw new AdapterError("FIELD_MISSING", `The message has no field "${field}" to send.`, { retryable: false });
  }
  const value: JsonValue = field === undefined ? payload : (payload[field] ?? null);
  if (format === "json") return JSON.stringify(value);
  if (format === "jsonl") {
    return (Array.isArray(value) ? value : [value]).map((each) => `${JSON.stringify(each)}\n`).join("");
  }
  if (typeof value === "string") return value;
  const text = `What is sent as text must be one: set "field" to a text, or "format" to json.`;
  throw new AdapterError("TEXT_MISSING", text, { retryable: false });
}

/** Followed, a redirect would often make another request of it, without what was to be sent. */
function checkNoRedirect({ status, headers, url }: HttpAnswer): void {
  if (status < 300 || status >= 400) return;
  const to = URL.parse(headers.get("location") ?? "", url);
  const where = to === null ? "elsewhere" : `to ${shown(to)}`;
  throw new AdapterError("HTTP_REDIRECT_INVALID", `${shown(url)} redirects ${where} (${status}): send it there.`, {
    retryable: false,
  });
}
