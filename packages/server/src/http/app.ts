import { createServer } from "node:http";
import { MillraceError } from "@millrace/protocol";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Logger } from "pino";
import type { Audit } from "../access/audit-trail.ts";
import { ANYONE } from "../access/principal.ts";
import { registerLimits, withLimits } from "../limits/limit-hooks.ts";
import { limitPipelining } from "../limits/pipelining.ts";
import { countRequests, countStreams } from "../metrics/http-metrics.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { noteResponses } from "../stream/take-over.ts";
import { traceFieldsOf, traceRequests } from "../traces/request-spans.ts";
import type { Tracing } from "../traces/tracing.ts";
import { withoutCallSecret } from "../triggers/call-secret.ts";
import type { Forward } from "../workers/forward.ts";
import { type AuthenticateRequest, registerAccess, registerAdmission } from "./access-hook.ts";
import { registerAudit } from "./audit-hook.ts";
import { answerClientErrors } from "./client-error.ts";
import { registerCors } from "./cors.ts";
import { type DashboardFiles, registerDashboardFiles } from "./dashboard-pages.ts";
import { Edge, type EdgeParts } from "./edge.ts";
import { DEFAULT_EDGE } from "./edge-settings.ts";
import { type Endpoint, registerEndpoints } from "./endpoint.ts";
import { toAnswer } from "./errors.ts";
import { Paths, pathOf } from "./paths.ts";
import { requestIdOf } from "./request-id.ts";
import { cutWhenStalled } from "./stalled.ts";
import { Unanswered } from "./unanswered.ts";

/** What the HTTP edge is set to. */
export interface HttpSettings {
  readonly maxBodyBytes: number;
  /** Of the request's line and its headers together. */
  readonly maxHeaderBytes: number;
  /** Origins whose pages may call from a browser; `*` is any. */
  readonly corsOrigins: readonly string[] | "*";
  /** The longest that a request may take to arrive, body and all. Default 120 s; 0: no limit. */
  readonly requestTimeoutMs?: number;
  /** The longest that a request's head may take to arrive. Default 30 s. */
  readonly headersTimeoutMs?: number;
  /** A client that takes nothing of its answer for so long is cut off. Default 60 s. */
  readonly stallTimeoutMs?: number;
  /** Where requests go that no endpoint takes, and all `OPTIONS`; without it they are answered here. */
  readonly forward?: Forward;
  /** Whose files endpoints may send. */
  readonly dashboard?: DashboardFiles | null;
  /** Where requests are counted; null: nowhere. */
  readonly metrics?: Metrics | null;
  /** Whether workers pass requests on to it, which have seen to it that they arrive in time. Default false. */
  readonly behindWorkers?: boolean;
  /** Says who sends a request. Default: anybody, who may do anything. */
  readonly authenticate?: AuthenticateRequest;
  /** Where it is written down who did what; without it nowhere. */
  readonly audit?: Audit;
  /** Names, proxies and limits; without it any name is its own, no proxy is trusted, and nothing is limited. */
  readonly edge?: EdgeParts;
  /** Null, or left out: no traces are made. */
  readonly tracing?: Tracing | null;
}

const OPEN_EDGE: EdgeParts = {
  settings: { ...DEFAULT_EDGE, host: "", cors_origins: [], limit_connections: 0 },
  accessControl: false,
  limits: null,
};

/** A worker adds so much to the head of a request that it passes on, at most. */
const ADDED_HEADER_BYTES = 1024;

/** What is under way when the service closes has its answer within so many milliseconds, or none. */
const LAST_ANSWERS_MS = 1_000;

/**
 * Builds the HTTP service from its endpoints; it does not listen yet. Every error that leaves it has one of the
 * contract's two shapes, and every answer an `X-Request-ID`. While `shuttingDown` is true, requests that would change
 * something are refused with 503.
 */
export async function createHttpApp(
  endpoints: readonly Endpoint[],
  settings: HttpSettings,
  log: Logger,
  shuttingDown: () => boolean = () => false,
): Promise<FastifyInstance> {
  const paths = new Paths(endpoints);
  const { forward, authenticate = async () => ANYONE, metrics = null } = settings;
  const edgeParts = settings.edge ?? OPEN_EDGE;
  const edge = new Edge(edgeParts, settings.behindWorkers ?? false, log);
  const limits = edgeParts.limits === null ? null : { ...edgeParts.limits, accessControl: edgeParts.accessControl };
  // What is passed on the main process counts, and traces.
  const isPassedOn = (request: FastifyRequest) =>
    forward !== undefined && (request.is404 || request.method === "OPTIONS");
  const fail = (error: unknown, request: FastifyRequest, reply: FastifyReply) =>
    sendError(error, request, reply, log, metrics);
  const app = Fastify({
    logger: false,
    bodyLimit: settings.maxBodyBytes,
    requestIdHeader: false,
    genReqId: requestIdOf,
    // Server errors are answered by answerClientErrors.
    clientErrorHandler: () => {},
    frameworkErrors: (error, request, reply) => {
      // The framework types this reply by the error alone.
      const plain = reply as unknown as FastifyReply;
      setCommonHeaders(request, plain, edge);
      fail(error, request, plain);
    },
    routerOptions: {
      // Longer names than any id or tag are looked up like others, and not found: only the head's size limits them.
      maxParamLength: settings.maxHeaderBytes,
      ignoreTrailingSlash: true,
      querystringParser: parseQuery,
    },
    return503OnClosing: false,
    forceCloseConnections: true,
    serverFactory: (handler) => {
      const server = createServer(
        serverOptions(settings),
        edge.connections.guard(limitPipelining(noteResponses(handler))),
      );
      edge.connections.watch(server);
      answerClientErrors(server, (code) => metrics?.httpErrors.inc({ code }));
      return server;
    },
  });
  edge.decorate(app);
  traceRequests(app, settings.tracing ?? null, isPassedOn);
  const unanswered = new Unanswered();
  // Connections are cut right after it.
  app.addHook("preClose", () => unanswered.answered(LAST_ANSWERS_MS));
  app.removeAllContentTypeParsers();
  // Read as they are: whether it is JSON, the endpoint tells together with whatever else is wrong.
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  app.addHook("onRequest", async (request, reply) => {
    // A stream's answer never ends by itself; and what only asks can be asked again.
    if (request.method !== "GET") unanswered.note(reply.raw);
    setCommonHeaders(request, reply, edge);
    refuseCodings(request, reply);
    if (forward !== undefined && isPassedOn(request)) {
      await forward(request.raw, reply.raw);
      return reply.hijack();
    }
    if (request.method === "OPTIONS") setAllow(reply, paths.methodsOf(request.url));
    checkHost(request);
    edge.check(request);
    drainUnusedBody(request);
    if (shuttingDown()) refuseChange(request, reply);
  });
  app.addHook("onSend", (_request, reply, _payload, done) => {
    cutWhenStalled(reply.raw, settings.stallTimeoutMs);
    done();
  });
  app.addHook("onResponse", async (request, reply) => {
    const { method, id } = request;
    log.debug(
      {
        request_id: id,
        method,
        path: withoutCallSecret(pathOf(request.url)),
        status: reply.statusCode,
        ms: reply.elapsedTime,
        ...traceFieldsOf(request),
      },
      "request",
    );
  });
  if (metrics !== null) countRequests(app, metrics, isPassedOn);
  app.setErrorHandler(fail);
  app.setNotFoundHandler((request, reply) => answerUnrouted(request, reply, paths));
  await registerCors(app, settings.corsOrigins, paths);
  // After it, so that pages of allowed origins can read why they are refused.
  registerAccess(app, authenticate);
  if (settings.audit !== undefined) registerAudit(app, settings.audit);
  // Before it is looked at what they may: what is refused for that counts as well.
  if (limits !== null) registerLimits(app, limits);
  registerAdmission(app, limits?.limits ?? null);
  if (settings.dashboard) await registerDashboardFiles(app, settings.dashboard);
  // Before the framework looks at the body: what is wrong with that does not matter here.
  app.addHook("onRequest", async (request, reply) =>
    request.is404 ? answerUnrouted(request, reply, paths) : undefined,
  );
  const counted = metrics === null ? endpoints : endpoints.map((each) => countStreams(each, metrics));
  registerEndpoints(app, limits === null ? counted : counted.map((each) => withLimits(each, limits)));
  return app;
}

function serverOptions(settings: HttpSettings) {
  const requestTimeout = settings.behindWorkers ? 0 : (settings.requestTimeoutMs ?? 120_000);
  const headersTimeout = settings.headersTimeoutMs ?? 30_000;
  return {
    maxHeaderSize: settings.maxHeaderBytes + (settings.behindWorkers ? ADDED_HEADER_BYTES : 0),
    // Longer than the idle timeout of common proxies, which would otherwise send into a connection that closes.
    keepAliveTimeout: 72_000,
    headersTimeout,
    requestTimeout,
    connectionsCheckingInterval: Math.min(5_000, headersTimeout),
    // Answered here, in the contract's shape.
    requireHostHeader: false,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
  };
}

function setCommonHeaders(request: FastifyRequest, reply: FastifyReply, edge: Edge): void {
  reply.header("x-request-id", request.id);
  edge.setHeaders(request, reply);
  // What the API says is true of the moment; errors would else be cached by their status.
  reply.header("cache-control", "no-store");
}

function setAllow(reply: FastifyReply, methods: readonly string[] | null): void {
  if (methods !== null) reply.header("allow", methods.join(", "));
}

/** HTTP/1.1 requires exactly one such header (RFC 9112, 3.2). */
function checkHost({ raw }: FastifyRequest): void {
  const hosts = raw.rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === "host").length;
  if (hosts > 1 || (hosts === 0 && raw.httpVersion === "1.1")) {
    throw new MillraceError("REQUEST_MALFORMED", `The request has ${hosts} Host headers; HTTP/1.1 requires one.`);
  }
}

/** Only chunks: a body that is also compressed would be read as something that it is not. */
function refuseCodings({ raw }: FastifyRequest, reply: FastifyReply): void {
  const { "transfer-encoding": coding } = raw.headers;
  if (coding === undefined || coding.trim().toLowerCase() === "chunked") return;
  reply.header("connection", "close");
  throw new MillraceError("REQUEST_MALFORMED", "The request's Transfer-Encoding is another than chunked.");
}

/** A body that nobody reads would hold up what comes behind it: that the client of a long answer has gone, for one. */
function drainUnusedBody({ method, raw }: FastifyRequest): void {
  if (method === "GET" || method === "HEAD") raw.resume();
}

function refuseChange(request: FastifyRequest, reply: FastifyReply): void {
  reply.header("connection", "close");
  if (!["GET", "HEAD", "OPTIONS"].includes(request.method)) {
    throw new MillraceError("SERVICE_UNAVAILABLE", "The service is shutting down.");
  }
}

/** What no endpoint takes: `OPTIONS`, a method that the path does not have, a path that is not there. */
async function answerUnrouted(request: FastifyRequest, reply: FastifyReply, paths: Paths): Promise<unknown> {
  // `OPTIONS *` asks for the service as a whole.
  const methods = request.url === "*" ? paths.allMethods : paths.methodsOf(request.url);
  const path = shorten(pathOf(request.url));
  if (methods === null) {
    throw new MillraceError("ROUTE_NOT_FOUND", `There is no ${path} here; /openapi.json lists what there is.`);
  }
  setAllow(reply, methods);
  if (request.method === "OPTIONS") return reply.code(204).send();
  throw new MillraceError(
    "METHOD_NOT_ALLOWED",
    `${path} does not take ${request.method}; it takes ${methods.join(", ")}.`,
  );
}

function sendError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  log: Logger,
  metrics: Metrics | null,
): void {
  const answer = toAnswer(error, request.id);
  metrics?.httpErrors.inc({ code: ("error_code" in answer.body && answer.body.error_code) || "VALIDATION" });
  if (answer.status === 500) {
    log.error(
      {
        err: error,
        request_id: request.id,
        method: request.method,
        path: withoutCallSecret(pathOf(request.url)),
        ...traceFieldsOf(request),
      },
      "request failed",
    );
  }
  reply.headers(answer.headers).code(answer.status).send(answer.body);
}

/** Every value of every parameter, so that endpoints can tell a list from a repeated scalar. */
function parseQuery(text: string): Record<string, unknown> {
  const query: Record<string, string[]> = Object.create(null);
  for (const [name, value] of new URLSearchParams(text)) {
    const values = query[name];
    if (values === undefined) query[name] = [value];
    else values.push(value);
  }
  return query;
}

function shorten(text: string): string {
  return text.length <= 200 ? text : `${text.slice(0, 200)}…`;
}
