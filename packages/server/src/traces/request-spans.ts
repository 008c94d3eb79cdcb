import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { parseTraceContext, type Span, type SpanAttributes, type TraceContext } from "@millrace/engine";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Principal } from "../access/principal.ts";
import { pathOf } from "../http/paths.ts";
import { TAKEN_OVER } from "../stream/take-over.ts";
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
  app.addHook("onRequest", (request, reply, done) => {
    if (UNTRACED.test(request.url) || elsewhere(request)) return done();
    request.traced = begin(request, tracing);
    // A stream's ends with its connection, and holds on to nothing else of the request.
    if (request.traced.context.sampled) {
      reply.raw.once(TAKEN_OVER, (socket: Socket) => {
        const span = spanOf(request, reply);
        if (span !== null) recordAtEnd(span, socket, tracing);
      });
    }
    done();
  });
  app.addHook("preHandler", (request, _reply, done) => {
    if (request.traced === null) done();
    else tracing.run(request.traced.context, done);
  });
  app.addHook("onResponse", async (request, reply) => {
    const span = spanOf(request, reply);
    if (span !== null) tracing.record(span);
  });
}

/** Apart, so that the listener has the span in its scope, and not the request. */
function recordAtEnd(span: Span, socket: Socket, tracing: Tracing): void {
  const begun = performance.now();
  socket.once("close", () => tracing.record({ ...span, endMs: span.endMs + performance.now() - begun }));
}

/** The span of a request that is answered by now; null where it is not recorded. */
function spanOf(request: FastifyRequest, reply: FastifyReply): Span | null {
  const { traced } = request;
  if (traced?.context.sampled !== true) return null;
  const route = request.routeOptions.url?.replaceAll(/:(\w+)/g, "{$1}");
  const status = reply.raw.headersSent ? reply.raw.statusCode : reply.statusCode;
  const errorType = status >= 500 ? String(status) : null;
  return {
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
      "url.scheme": request.client.secure ? "https" : "http",
      "url.path": withoutCallSecret(pathOf(request.url)),
      "network.protocol.version": request.raw.httpVersion,
      "millrace.request.id": request.id,
      ...callerOf(request),
      ...(errorType === null ? {} : { "error.type": errorType }),
    },
    links: [],
    errorType,
  };
}

/** What kind of credential was sent, and of which project: never whose it is. Nothing where it was not looked at. */
function callerOf({ principal }: { readonly principal: Principal | null }): SpanAttributes {
  if (principal === null) return {};
  const { kind, project } = principal;
  return { "millrace.principal.kind": kind, ...(project === null ? {} : { "millrace.principal.project": project }) };
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
