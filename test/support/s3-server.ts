import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { signatureFault, type TestCredentials } from "./s3-signature.ts";

/** What a server of tests does instead of what it was asked for. */
export type S3Fault =
  /** Answers with this status and code. */
  | { readonly status: number; readonly code: string }
  /** Cuts the connection before it does anything. */
  | "cut"
  /** Does what it was asked for, and cuts the connection instead of answering. */
  | "cut-after"
  /** Cuts the connection amid the body of its answer. */
  | "cut-body"
  /** Sends other bytes than it has. */
  | "wrong-body"
  /** Never answers. */
  | "silent";

/** A request, as faults are chosen by. */
export interface S3Request {
  readonly method: string;
  /** Without the bucket. */
  readonly key: string;
  /** The names and values of its query. */
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
}

interface Stored {
  readonly body: Buffer;
  readonly etag: string;
  readonly headers: Readonly<Record<string, string>>;
}

interface Upload {
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly parts: Map<number, { readonly body: Buffer; readonly etag: string }>;
}

const MIN_PART_BYTES = 5 * 1024 * 1024;

/**
 * A server that speaks as much of S3's protocol as the service uses, in memory: signatures, bodies and part sizes are
 * checked as Amazon does it, an object is replaced in one step, and an answer that was begun stays with its version.
 */
export class S3Server {
  credentials: TestCredentials = { accessKeyId: "test-key", secretAccessKey: "test-secret/with+signs" };
  readonly bucket = "test-bucket";
  readonly objects = new Map<string, Stored>();
  readonly uploads = new Map<string, Upload>();
  /** Every request that came, in order. */
  readonly requests: S3Request[] = [];
  /** Chooses what goes wrong; null: nothing. */
  fault: (request: S3Request) => S3Fault | null = () => null;
  /** Keys of a page of a list, at most. */
  pageSize = 1_000;
  /** What the server's clock is ahead, in milliseconds. */
  clockAhead = 0;
  readonly #server: Server;
  /** Requests that are not answered to their end. */
  #underWay = 0;
  #made = 0;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#underWay += 1;
      response.once("close", () => {
        this.#underWay -= 1;
      });
      this.#answer(request, response).catch((error) => response.destroy(error));
    });
  }

  static async start(): Promise<S3Server> {
    const server = new S3Server();
    server.#server.listen(0, "127.0.0.1");
    await once(server.#server, "listening");
    return server;
  }

  /** How many requests are not answered to their end. */
  get underWay(): number {
    return this.#underWay;
  }

  get endpoint(): string {
    // It listens on TCP.
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** As `objects_url` has it. */
  url(prefix = ""): string {
    return `s3://${this.bucket}/${prefix}?endpoint=${encodeURIComponent(this.endpoint)}&region=eu-test-1`;
  }

  /** The variables with its credentials. */
  get environment(): Record<string, string> {
    const { accessKeyId, secretAccessKey } = this.credentials;
    return { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
    const body = Buffer.concat(await Array.fromAsync<Buffer>(request));
    const url = new URL(request.url ?? "/", "http://host");
    const [bucket = "", ...rest] = url.pathname.slice(1).split("/").map(decodeURIComponent);
    const key = rest.join("/");
    const asked: S3Request = { method: request.method ?? "", key, query: url.searchParams, headers: request.headers };
    this.requests.push(asked);
    response.setHeader("date", new Date(Date.now() + this.clockAhead).toUTCString());
    const fault = this.fault(asked);
    if (fault === "silent") return null;
    if (fault === "cut") return request.socket.destroy();
    const denied = signatureFault(request, body, this.credentials, Date.now() + this.clockAhead);
    if (denied !== null) return refuse(response, denied === "XAmzContentSHA256Mismatch" ? 400 : 403, denied);
    if (typeof fault === "object" && fault !== null) return refuse(response, fault.status, fault.code);
    if (bucket !== this.bucket) return refuse(response, 404, "NoSuchBucket");
    if (fault === "cut-after") {
      response.write = () => response.destroy() === null;
      response.end = () => response.destroy();
    }
    if (key === "") return this.#onBucket(asked, body, response);
    if (asked.query.has("uploadId") || asked.query.has("uploads")) return this.#onUpload(asked, body, response);
    return this.#onObject(asked, body, response, fault);
  }

  #onBucket({ method, query, headers }: S3Request, body: Buffer, response: ServerResponse): ServerResponse {
    if (method === "GET" && query.get("list-type") === "2") return this.#list(query, response);
    if (method === "GET" && query.has("uploads")) return this.#listUploads(query, response);
    if (method === "POST" && query.has("delete")) {
      const md5 = createHash("md5").update(body).digest("base64");
      if (headers["content-md5"] !== md5) return refuse(response, 400, "InvalidDigest");
      const keys = [...body.toString().matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = ""]) => unescapeXml(key));
      if (keys.length > 1_000) return refuse(response, 400, "MalformedXML");
      for (const key of keys) this.objects.delete(key);
      return xml(response, "<DeleteResult/>");
    }
    return refuse(response, 501, "NotImplemented");
  }

  #onObject(request: S3Request, body: Buffer, response: ServerResponse, fault: S3Fault | null): ServerResponse {
    const { method, key, headers } = request;
    if (method === "PUT") {
      if (Buffer.byteLength(key) > 1024) return refuse(response, 400, "KeyTooLongError");
      const etag = `"${createHash("md5").update(body).digest("hex")}"`;
      this.objects.set(key, { body, etag, headers: keptHeaders(headers) });
      return response.writeHead(200, { etag }).end();
    }
    if (method === "DELETE") {
      this.objects.delete(key);
      return response.writeHead(204).end();
    }
    const stored = this.objects.get(key);
    if (stored === undefined) return refuse(response, 404, "NoSuchKey");
    if (headers["if-match"] !== undefined && headers["if-match"] !== stored.etag) {
      return refuse(response, 412, "PreconditionFailed");
    }
    const range = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "");
    const part = range === null ? stored.body : stored.body.subarray(Number(range[1]), Number(range[2]) + 1);
    response.writeHead(range === null ? 200 : 206, {
      ...stored.headers,
      etag: stored.etag,
      "content-length": part.length,
      "accept-ranges": "bytes",
    });
    if (method === "HEAD") return response.end();
    if (fault === "cut-body") {
      response.write(part.subarray(0, Math.ceil(part.length / 2)), () => response.destroy());
      return response;
    }
    return response.end(fault === "wrong-body" ? Buffer.alloc(part.length, "?") : part);
  }

  #onUpload({ method, key, query, headers }: S3Request, body: Buffer, response: ServerResponse): ServerResponse {
    if (query.has("uploads")) {
      this.#made += 1;
      const id = `upload-${this.#made}`;
      this.uploads.set(id, { key, headers: keptHeaders(headers), parts: new Map() });
      return xml(response, `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
    }
    const id = query.get("uploadId") ?? "";
    const upload = this.uploads.get(id);
    if (upload === undefined || upload.key !== key) return refuse(response, 404, "NoSuchUpload");
    if (method === "PUT") {
      const etag = `"${createHash("md5").update(body).digest("hex")}"`;
      upload.parts.set(Number(query.get("partNumber")), { body, etag });
      return response.writeHead(200, { etag }).end();
    }
    this.uploads.delete(id);
    if (method === "DELETE") return response.writeHead(204).end();
    const named = [...body.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber>/g)].map(([, number]) => Number(number));
    const parts = named.map((number) => upload.parts.get(number));
    const small = parts.slice(0, -1).some((part) => part !== undefined && part.body.length < MIN_PART_BYTES);
    if (parts.includes(undefined) || small) return refuse(response, 400, small ? "EntityTooSmall" : "InvalidPart");
    const etag = `"${id}-${parts.length}"`;
    this.objects.set(key, {
      body: Buffer.concat(parts.flatMap((part) => part?.body ?? [])),
      etag,
      headers: upload.headers,
    });
    return xml(
      response,
      `<CompleteMultipartUploadResult><ETag>${escapeXml(etag)}</ETag></CompleteMultipartUploadResult>`,
    );
  }

  #list(query: URLSearchParams, response: ServerResponse): ServerResponse {
    const prefix = query.get("prefix") ?? "";
    const after = query.get("continuation-token");
    const size = Math.min(this.pageSize, Number(query.get("max-keys") ?? 1_000));
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix)).toSorted(byBytes);
    const left = after === null ? keys : keys.filter((key) => byBytes(key, Buffer.from(after, "hex").toString()) > 0);
    const page = left.slice(0, size);
    const more = left.length > page.length;
    const last = page.at(-1) ?? "";
    return xml(
      response,
      `<ListBucketResult><EncodingType>url</EncodingType><KeyCount>${page.length}</KeyCount><IsTruncated>${more}</IsTruncated>${
        more ? `<NextContinuationToken>${Buffer.from(last).toString("hex")}</NextContinuationToken>` : ""
      }${page
        .map((key) => {
          const { body, etag } = this.objects.get(key) ?? { body: "", etag: "" };
          const at = new Date(0).toISOString();
          return `<Contents><Key>${escapeXml(encodeURIComponent(key))}</Key><Size>${body.length}</Size><ETag>${escapeXml(etag)}</ETag><LastModified>${at}</LastModified></Contents>`;
        })
        .join("")}</ListBucketResult>`,
    );
  }

  #listUploads(query: URLSearchParams, response: ServerResponse): ServerResponse {
    const prefix = query.get("prefix") ?? "";
    const uploads = [...this.uploads].filter(([, { key }]) => key.startsWith(prefix));
    return xml(
      response,
      `<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>${uploads
        .map(([id, { key }]) => `<Upload><Key>${escapeXml(key)}</Key><UploadId>${id}</UploadId></Upload>`)
        .join("")}</ListMultipartUploadsResult>`,
    );
  }
}

function keptHeaders(headers: IncomingMessage["headers"]): Record<string, string> {
  const kept = Object.entries(headers).filter(([name]) => name === "content-type" || name.startsWith("x-amz-meta-"));
  return Object.fromEntries(kept.map(([name, value]) => [name, String(value)]));
}

function refuse(response: ServerResponse, status: number, code: string): ServerResponse {
  response.writeHead(status, { "content-type": "application/xml" });
  return response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>It is ${code}.</Message></Error>`);
}

function xml(response: ServerResponse, body: string): ServerResponse {
  return response.writeHead(200, { "content-type": "application/xml" }).end(`<?xml version="1.0"?>${body}`);
}

const ENTITIES: readonly (readonly [string, string])[] = [
  ["&", "&amp;"],
  ["<", "&lt;"],
  [">", "&gt;"],
  ['"', "&quot;"],
];

function escapeXml(text: string): string {
  return ENTITIES.reduce((escaped, [char, entity]) => escaped.replaceAll(char, entity), text);
}

function unescapeXml(text: string): string {
  const numbered = text.replace(/&#x([0-9a-f]+);/gi, (_, hex) => String.fromCodePoint(Number.parseInt(hex, 16)));
  return ENTITIES.toReversed()
    .reduce((plain, [char, entity]) => plain.replaceAll(entity, char), numbered)
    .replaceAll("&apos;", "'");
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
