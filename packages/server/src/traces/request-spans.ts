import { randomBytes } from "node:crypto";
import { parseTraceContext, type TraceContext } from "@millrace/engine";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { pathOf } from "../http/paths.ts";
import { withoutCallSecret } from "../triggers/call-secret.ts";
import type { Tracing } from "./tracing.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Null where no traces are made, or the request is answered elsewhere. */
    traced: TracedRequest | null;
  }
}

/** A request's span, while it is answered. */
export interface TracedRequest {
  readonly context: TraceContext;
  readonly parentSpanId: string | null;
  /** Epoch ms. */
  readonly startMs: number;
}

/** What is looked at all the time, and tells nothing. */
const UNTRACED = /^\/(?!api\/)/;

/**
 * Makes a span of each request to the API: under the span that its `traceparent` names, if it has one. What is started for
 * it goes on from there. `elsewhere` says which requests are passed on, and have their span where they are answered.
 */
export function traceRequests(
  app: FastifyInstance,
  tracing: Tracing | null,
  elsewhere: (request: FastifyRequest) => boolean,
): void {
  app.decorateRequest("traced", null);
  if (tracing === null) return;
  app.addHook("onRequest", (request, _reply, done) => {
    if (!UNTRACED.test(request.url) && !elsewhere(request)) request.traced = begin(request, tracing);
    done();
  });
  app.addHook("preHandler", (request, _reply, done) => {
    if (request.traced === null) done();
    else tracing.run(request.traced.context, done);
  });
  app.addHook("onResponse", async (request, reply) => {
    const { traced } = request;
    if (traced?.context.sampled !== true) return;
    const route = request.routeOptions.url?.replaceAll(/:(\w+)/g, "{$1}");
    const status = reply.raw.headersSent ? reply.raw.statusCode : reply.statusCode;
    tracing.record({
      ...traced.context,
      parentSpanId: traced.parentSpanId,
      kind: "server",
      name: route === undefined ? request.method : `${request.method} ${route}`,
      startMs: traced.startMs,
      endMs: traced.startMs + reply.elapsedTime,
      attributes: {
        "http.request.method": request.method,
        "http.response.status_code": status,
        ...(route === undefined ? {} : { "http.route": route }),
        "url.scheme": "http",
        "url.path": withoutCallSecret(pathOf(request.url)),
        "network.protocol.version": request.raw.httpVersion,
        "millrace.request.id": request.id,
        ...(status >= 500 ? { "error.type": String(status) } : {}),
      },
      links: [],
      errorType: status >= 500 ? String(status) : null,
    });
  });
}

/** What lines of the log say of a request's trace. */
export function traceFieldsOf({ traced }: FastifyRequest): { trace_id?: string; span_id?: string } {
  return traced === null ? {} : { trace_id: traced.context.traceId, span_id: traced.context.spanId };
}

function begin({ headers }: FastifyRequest, tracing: Tracing): TracedRequest {
  const parent = parseTraceContext(headers.traceparent, headers.tracestate);
  const traceId = parent?.traceId ?? newId(16);
  const sampled = tracing.samples(traceId, parent);
  return {
    context: { traceId, spanId: newId(8), sampled, state: parent?.state ?? null },
    parentSpanId: parent?.spanId ?? null,
    startMs: Date.now(),
  };
}

/** A random id of so many bytes. */
export function newId(bytes: number): string {
  return randomBytes(bytes).toString("hex");
}
