import { hash } from "node:crypto";
import { AdapterError } from "@millrace/engine";
import { AwsV4Signer } from "aws4fetch";
import { z } from "zod";
import type { HttpAnswer, HttpClient } from "../http/http-client.ts";
import { shown } from "../http/http-failure.ts";
import { type S3Page, s3ErrorOf, s3Page } from "./s3-xml.ts";

/** Where a bucket is, and who asks. */
export const bucketFields = {
  bucket: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/, "must be 3 to 63 small letters, digits, dots and hyphens")
    .describe("The bucket's name"),
  endpoint: z
    .string()
    .refine(isEndpoint, "expected a URL as https://host:port")
    .optional()
    .describe("The server's URL; default Amazon's of the region"),
  region: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,64}$/, "must be letters, digits and hyphens")
    .default("us-east-1")
    .describe("The bucket's region"),
  path_style: z
    .boolean()
    .optional()
    .describe("Whether the bucket is the first part of the path, not of the host's name; default true with `endpoint`"),
  access_key_id: z
    .string()
    .min(1)
    .optional()
    .describe("As `${secret:NAME}` or `${env:NAME}`; without it, requests are not signed, for public buckets"),
  secret_access_key: z.string().min(1).optional().describe("As `${secret:NAME}` or `${env:NAME}`"),
  session_token: z.string().min(1).optional().describe("Of credentials that are lent, as `${env:NAME}`"),
  timeout_seconds: z.number().gt(0).max(300).default(60).describe("The longest that a request may take, in seconds"),
};

interface KeyPair {
  readonly access_key_id?: string | undefined;
  readonly secret_access_key?: string | undefined;
}

/** What both keys have to be given with each other. */
export const bothKeys = {
  fits: ({ access_key_id: id, secret_access_key: secret }: KeyPair) => (id === undefined) === (secret === undefined),
  otherwise: { path: ["secret_access_key"], error: "goes with access_key_id: set both or neither" },
};

const fieldsSchema = z.strictObject(bucketFields);

/** @see bucketFields */
export type BucketFields = z.infer<typeof fieldsSchema>;

/** A part of what {@link S3Bucket} is asked for. */
interface Ask {
  readonly method: "GET" | "PUT";
  readonly key: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

/** The longest page of a list, or error, that is read, in bytes. */
const MAX_XML_BYTES = 16 * 1024 * 1024;

/** A bucket of a server that speaks S3's protocol, asked over the one way to the web. */
export class S3Bucket {
  readonly #http: HttpClient;
  readonly #fields: BucketFields;
  readonly #base: URL;
  /** Keys for signing, which are those of a day. */
  readonly #cache = new Map<string, ArrayBuffer>();

  constructor(http: HttpClient, fields: BucketFields) {
    this.#http = http;
    this.#fields = fields;
    const base = new URL(fields.endpoint ?? `https://s3.${fields.region}.amazonaws.com`);
    const inPath = fields.path_style ?? fields.endpoint !== undefined;
    if (!inPath) base.hostname = `${fields.bucket}.${base.hostname}`;
    base.pathname = `${base.pathname.replace(/\/$/, "")}${inPath ? `/${fields.bucket}` : ""}/`;
    this.#base = base;
  }

  /**
   * The objects whose keys begin with `prefix`, in the order of keys, a page of up to a thousand at a time.
   * @throws AdapterError S3_…, HTTP_…
   */
  async *list(prefix: string, startAfter: string | null, signal: AbortSignal): AsyncGenerator<S3Page["objects"]> {
    let token: string | null = null;
    do {
      const query: Record<string, string> = { "list-type": "2", "encoding-type": "url", prefix };
      if (token !== null) query["continuation-token"] = token;
      else if (startAfter !== null) query["start-after"] = startAfter;
      const { body } = await this.#ask({ method: "GET", key: "", query, maxBytes: MAX_XML_BYTES, signal });
      const page = await s3Page(body.toString("utf8"));
      yield page.objects;
      token = page.next;
    } while (token !== null);
  }

  /**
   * Reads an object.
   * @throws AdapterError S3_…, HTTP_…
   */
  async read(key: string, maxBytes: number, signal: AbortSignal): Promise<Buffer> {
    return (await this.#ask({ method: "GET", key, maxBytes, signal })).body;
  }

  /**
   * Writes an object, whole or not at all; returns its ETag.
   * @throws AdapterError S3_…, HTTP_…
   */
  async write(key: string, body: Uint8Array, contentType: string, signal: AbortSignal): Promise<string | null> {
    const headers = { "content-type": contentType };
    const answer = await this.#ask({ method: "PUT", key, headers, body, maxBytes: MAX_XML_BYTES, signal });
    return answer.headers.get("etag");
  }

  async #ask({ method, key, query = {}, headers = {}, body, maxBytes, signal }: Ask): Promise<HttpAnswer> {
    const url = new URL(this.#base);
    // `+` and its like are taken for something else by some servers, unless they are escaped.
    url.pathname += key.split("/").map(escapePart).join("/");
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const answer = await this.#http.send({
      url,
      method,
      headers: await this.#signed(url, method, headers, body),
      ...(body === undefined ? {} : { body }),
      signal,
      timeoutSeconds: this.#fields.timeout_seconds,
      // An error is XML that has to fit, however small the object may be.
      maxBytes: Math.max(maxBytes, MAX_XML_BYTES),
      maxRedirects: 0,
    });
    if (answer.status >= 300) throw await this.#failure(answer, key);
    if (answer.body.length > maxBytes) {
      throw new AdapterError("HTTP_BODY_TOO_LARGE", `The object has more than ${maxBytes} bytes (max_bytes).`, {
        retryable: false,
      });
    }
    return answer;
  }

  async #signed(
    url: URL,
    method: string,
    headers: Readonly<Record<string, string>>,
    body: Uint8Array | undefined,
  ): Promise<Headers> {
    const {
      access_key_id: accessKeyId,
      secret_access_key: secretAccessKey,
      session_token: sessionToken,
      region,
    } = this.#fields;
    const all = new Headers({ ...headers, "x-amz-content-sha256": hash("sha256", body ?? "") });
    // Packed, a body would not be what its hash and size say.
    all.set("accept-encoding", "identity");
    if (accessKeyId === undefined || secretAccessKey === undefined) return all;
    const signer = new AwsV4Signer({
      url: url.href,
      method,
      headers: all,
      accessKeyId,
      secretAccessKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
      service: "s3",
      region,
      cache: this.#cache,
    });
    return (await signer.sign()).headers;
  }

  async #failure(answer: HttpAnswer, key: string): Promise<AdapterError> {
    const { status, url } = answer;
    const { code, message } = await s3ErrorOf(answer.body.toString("utf8"));
    const what = code === null ? `${status} ${answer.statusText}`.trimEnd() : `${status} ${code}`;
    const where = key === "" ? `the bucket "${this.#fields.bucket}"` : `the object "${key.slice(0, 200)}"`;
    const text = `${shown(new URL(url.origin))} answered ${what} for ${where}${message === null ? "" : `: ${message}`}`;
    const absent = code === "NoSuchBucket" || code === "NoSuchKey" || status === 404;
    const passing =
      status >= 500 || status === 408 || status === 429 || code === "RequestTimeout" || code === "SlowDown";
    return new AdapterError(absent ? "S3_NOT_FOUND" : passing ? "S3_UNAVAILABLE" : "S3_REFUSED", text, {
      retryable: passing,
      retryAfterMs: answer.retryAfterMs ?? 0,
    });
  }
}

/**
 * A key that can be asked for by a URL.
 * @throws AdapterError S3_KEY_INVALID, not retryable
 */
export function checkKey(key: string): string {
  const bytes = Buffer.byteLength(key);
  const bad = key.split("/").some((part) => part === "." || part === "..");
  if (bytes > 0 && bytes <= 1024 && !bad && !/\p{Cs}/u.test(key)) return key;
  const text = `"${key.slice(0, 200)}" is no key: it has 1 to 1024 bytes, no halves of characters, and no parts "." and "..".`;
  throw new AdapterError("S3_KEY_INVALID", text, { retryable: false });
}

function escapePart(part: string): string {
  return encodeURIComponent(part.toWellFormed()).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function isEndpoint(text: string): boolean {
  const url = URL.parse(text);
  return (
    url !== null && /^https?:$/.test(url.protocol) && `${url.username}${url.password}${url.search}${url.hash}` === ""
  );
}
