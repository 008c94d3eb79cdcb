import {
  type Adapter,
  AdapterError,
  compileTemplate,
  defineAdapter,
  type Template,
  templateField,
} from "@millrace/engine";
import { type JsonObject, type JsonValue, jsonObjectSchema } from "@millrace/protocol";
import { z } from "zod";
import { templateInput } from "./template-input.ts";

const config = z.strictObject({
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
    .max(3600)
    .default(30)
    .describe("The longest that the whole request may take, in seconds"),
  max_bytes: z
    .int()
    .min(1)
    .max(1024 * 1024 * 1024)
    .default(10 * 1024 * 1024)
    .describe("The largest body that is read, in bytes, after decompression"),
  follow_redirects: z.boolean().default(true).describe("Whether redirects are followed, at most 20"),
});

interface Prepared {
  readonly url: Template;
  readonly headers: readonly { readonly name: string; readonly value: Template }[];
  readonly body: Template | null;
}

/** Makes an HTTP request. */
export const httpRequest: Adapter<z.infer<typeof config>, Prepared> = defineAdapter({
  type: "http_request",
  category: "http",
  description:
    "Makes an HTTP request; adds `status`, `headers` and `body` (parsed where it is JSON, base64 where it is no text).",
  config,
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
    let body: string | undefined = prepared.body === null ? undefined : await prepared.body.render(input);
    if (typeof settings.body === "object") {
      body = JSON.stringify(settings.body);
      if (!headers.has("content-type")) headers.set("content-type", "application/json");
    }
    const timeout = AbortSignal.timeout(settings.timeout_seconds * 1000);
    try {
      const response = await fetch(url, {
        method: settings.method,
        headers,
        ...(body === undefined ? {} : { body }),
        redirect: settings.follow_redirects ? "follow" : "manual",
        signal: AbortSignal.any([signal, timeout]),
      });
      const bytes = await readBody(response, settings.max_bytes);
      checkStatus(response, url);
      return {
        ...message.payload,
        status: response.status,
        headers: Object.fromEntries(response.headers),
        ...decode(response, bytes),
      };
    } catch (error) {
      if (error instanceof AdapterError) throw error;
      if (timeout.aborted)
        throw new AdapterError("HTTP_TIMEOUT", `${url} did not answer within ${settings.timeout_seconds} s.`, {
          cause: error,
        });
      throw new AdapterError("HTTP_FAILED", `The request to ${url} failed: ${reason(error)}.`, { cause: error });
    }
  },
});

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new AdapterError("URL_INVALID", `"${text.slice(0, 200)}" is no http or https URL.`, { retryable: false });
  }
  return url;
}

function setHeader(headers: Headers, name: string, value: string): void {
  try {
    headers.set(name, value);
  } catch (error) {
    throw new AdapterError("HEADER_INVALID", `The header "${name}" cannot be sent: ${reason(error)}.`, {
      retryable: false,
      cause: error,
    });
  }
}

/** Reads no more than allowed, however much comes. */
async function readBody(response: Response, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > maxBytes) {
      throw new AdapterError("HTTP_BODY_TOO_LARGE", `The answer has more than ${maxBytes} bytes (max_bytes).`, {
        retryable: false,
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

/** What the server may answer otherwise the next time is retried: 408, 425, 429 and 5xx. */
function checkStatus(response: Response, url: URL): void {
  const { status } = response;
  if (status < 400) return;
  const retryable = status >= 500 || status === 408 || status === 425 || status === 429;
  throw new AdapterError("HTTP_STATUS", `${url} answered ${status} ${response.statusText}`.trimEnd(), { retryable });
}

function decode(response: Response, bytes: Buffer): JsonObject {
  const type = response.headers.get("content-type") ?? "";
  const text = toText(bytes, /charset=["']?([^;"'\s]+)/i.exec(type)?.[1] ?? "utf-8");
  if (text === null) return { body: bytes.toString("base64"), body_encoding: "base64" };
  if (/^application\/(?:[\w.-]+\+)?json/i.test(type)) {
    try {
      // What a JSON parser returns is JSON.
      return { body: JSON.parse(text) as JsonValue };
    } catch {
      // Announced as JSON, and none: as text it can still be looked at.
    }
  }
  return { body: text };
}

function toText(bytes: Buffer, encoding: string): string | null {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.cause.message !== "" ? error.cause.message : error.message;
}
