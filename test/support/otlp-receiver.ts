import { createServer, type IncomingMessage, type Server } from "node:http";
import { gunzipSync } from "node:zlib";
import { eventually } from "./eventually.ts";
import { readTraceRequest } from "./otlp-protobuf.ts";

/** A span as a collector understands it. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty where it has none. */
  readonly parentSpanId: string;
  readonly name: string;
  /** 1 internal, 2 server, 3 client, 5 consumer. */
  readonly kind: number;
  /** Nanoseconds since 1970. */
  readonly start: bigint;
  readonly end: bigint;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  /** 0 unset, 2 error. */
  readonly status: number;
  readonly traceState: string;
  /** Of the process that sent it. */
  readonly resource: Readonly<Record<string, unknown>>;
}

/** A collector: takes OTLP over HTTP, as protobuf or JSON, and keeps what it is sent. */
export class OtlpReceiver implements AsyncDisposable {
  readonly spans: ReceivedSpan[] = [];
  /** The `Content-Type` and headers of each request. */
  readonly requests: IncomingMessage["headers"][] = [];
  /** What it answers: `hang` takes requests and never answers. */
  mode: "take" | "refuse" | "hang" = "take";
  readonly #server: Server;
  #port = 0;

  private constructor() {
    this.#server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      this.requests.push(request.headers);
      if (this.mode === "hang") return;
      if (this.mode === "refuse" || request.url !== "/v1/traces") {
        response.writeHead(this.mode === "refuse" ? 503 : 404).end();
        return;
      }
      const body = Buffer.concat(chunks);
      const bytes = request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body;
      const isJson = request.headers["content-type"] === "application/json";
      this.spans.push(...(isJson ? readJsonRequest(JSON.parse(bytes.toString())) : readTraceRequest(bytes)));
      response.writeHead(200, { "content-type": request.headers["content-type"] }).end(isJson ? "{}" : "");
    });
  }

  static async open(): Promise<OtlpReceiver> {
    const receiver = new OtlpReceiver();
    await new Promise<void>((resolve) => receiver.#server.listen(0, "127.0.0.1", resolve));
    const address = receiver.#server.address();
    receiver.#port = typeof address === "object" && address !== null ? address.port : 0;
    return receiver;
  }

  /** All spans that have come, to be searched. */
  get text(): string {
    return JSON.stringify(this.spans, (_, value) => (typeof value === "bigint" ? String(value) : value));
  }

  /** What makes a service send here, soon. */
  get env(): Record<string, string> {
    return { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${this.#port}`, OTEL_BSP_SCHEDULE_DELAY: "50" };
  }

  /** The span that fits, as soon as it is there. */
  async find(what: string, fits: (span: ReceivedSpan) => boolean): Promise<ReceivedSpan> {
    return eventually(() => {
      const found = this.spans.find(fits);
      if (found !== undefined) return found;
      throw new Error(`there is no ${what} among ${this.spans.length} spans: ${this.spans.map(({ name }) => name)}`);
    });
  }

  /** The span of an execution, which is the last of it. */
  execution(id: string): Promise<ReceivedSpan> {
    return this.find(`span of execution ${id}`, (span) => isExecution(span) && of(span, id));
  }

  /** Spans under a span, in the order of their beginnings. */
  under(parent: ReceivedSpan): ReceivedSpan[] {
    const below = this.spans.filter(({ traceId, parentSpanId }) => {
      return traceId === parent.traceId && parentSpanId === parent.spanId;
    });
    return below.sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
  }

  /** The tree under a span, a line each: names, indented. What is alike at one place stands there once. */
  tree(top: ReceivedSpan, depth = 0): string[] {
    const own = `${"  ".repeat(depth)}${top.name}${top.status === 2 ? " !" : ""}`;
    const below = this.under(top).map((span) => this.tree(span, depth + 1));
    return [own, ...[...new Map(below.map((lines) => [lines.join("\n"), lines])).values()].flat()];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function isExecution({ name }: ReceivedSpan): boolean {
  return name === "execution" || name.startsWith("execution ");
}

function of(span: ReceivedSpan, executionId: string): boolean {
  return span.attributes["millrace.execution.id"] === executionId;
}

interface JsonValueOf {
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly intValue?: number | string;
  readonly doubleValue?: number;
  readonly arrayValue?: { readonly values?: readonly JsonValueOf[] };
}

interface JsonAttribute {
  readonly key: string;
  readonly value: JsonValueOf;
}

interface JsonRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly JsonAttribute[] };
    readonly scopeSpans: readonly {
      readonly spans: readonly {
        readonly traceId: string;
        readonly spanId: string;
        readonly parentSpanId?: string;
        readonly traceState?: string;
        readonly name: string;
        readonly kind: number;
        readonly startTimeUnixNano: string;
        readonly endTimeUnixNano: string;
        readonly attributes?: readonly JsonAttribute[];
        readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
        readonly status?: { readonly code?: number };
      }[];
    }[];
  }[];
}

function readJsonRequest(request: JsonRequest): ReceivedSpan[] {
  return request.resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId ?? "",
        traceState: span.traceState ?? "",
        name: span.name,
        kind: span.kind,
        start: BigInt(span.startTimeUnixNano),
        end: BigInt(span.endTimeUnixNano),
        attributes: attributesOf(span.attributes ?? []),
        links: (span.links ?? []).map(({ traceId, spanId }) => ({ traceId, spanId })),
        status: span.status?.code ?? 0,
        resource: attributesOf(resource.attributes),
      })),
    ),
  );
}

function attributesOf(attributes: readonly JsonAttribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, readValue(value)]));
}

function readValue(value: JsonValueOf): unknown {
  if (value.arrayValue !== undefined) return (value.arrayValue.values ?? []).map(readValue);
  if (value.intValue !== undefined) return Number(value.intValue);
  return value.stringValue ?? value.boolValue ?? value.doubleValue ?? null;
}
