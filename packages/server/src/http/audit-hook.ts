import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Audit, Audited } from "../access/audit-trail.ts";
import { type Principal, STRANGER } from "../access/principal.ts";
import { projectOf } from "../access/project-of.ts";
import type { Endpoint } from "./endpoint.ts";

/** Answers up to this size are looked through for the id of what was made, in characters. */
const MAX_ANSWER = 256 * 1024;

const VERBS: Readonly<Record<Endpoint["method"], string>> = {
  GET: "read",
  POST: "create",
  PUT: "update",
  PATCH: "update",
  DELETE: "delete",
};

/** Writes down what requests change, before their answers are sent, and those that access control refuses. */
export function registerAudit(app: FastifyInstance, trail: Audit): void {
  app.addHook("onSend", async (request, reply, payload) => {
    const { endpoint } = request.routeOptions.config;
    if (endpoint === undefined) return payload;
    const denied = reply.statusCode === 401 || reply.statusCode === 403;
    const action = actionOf(endpoint);
    // What is only looked at is not written down, but where somebody may not look.
    if (action === null && !denied) return payload;
    const audited = describe(request, reply, endpoint, action ?? `${resourceOf(endpoint)}.read`, payload);
    if (denied) trail.refused(audited);
    else await trail.note(audited);
    return payload;
  });
}

/** What the log calls a request of an endpoint; null where it is not written down. */
export function actionOf(endpoint: Endpoint): string | null {
  const { method, path, access, audit } = endpoint;
  if (audit !== undefined) return audit;
  if (method === "GET" || access === "read") return null;
  const [, ...more] = staticPartsOf(path);
  return [resourceOf(endpoint), ...(more.length === 0 ? [VERBS[method]] : more)].join(".");
}

/** The kind of thing that an endpoint is about: `config`. */
function resourceOf({ path }: Pick<Endpoint, "path">): string {
  const [plural = "service"] = staticPartsOf(path);
  return plural.replace(/s$/, "");
}

function staticPartsOf(path: string): string[] {
  return path
    .replace(/^\/api\/v1/, "")
    .split("/")
    .filter((part) => part !== "" && !part.startsWith("{"));
}

function describe(
  request: FastifyRequest,
  reply: FastifyReply,
  endpoint: Endpoint,
  action: string,
  payload: unknown,
): Audited {
  const status = reply.statusCode;
  // The request may have been refused before it was known whose it is.
  const principal = request.principal ?? STRANGER;
  const { kind, id, name } = principal;
  return {
    actor: { kind, id, name },
    action,
    target: targetOf(request, endpoint, payload),
    project: projectNamed(principal, request),
    outcome: status < 400 ? "allowed" : status === 401 || status === 403 ? "denied" : "failed",
    status,
    requestId: request.id,
    address: request.client.address,
  };
}

/** The project that the request is about; a header that is wrong makes it about none. */
function projectNamed(principal: Principal, { headers }: FastifyRequest): string | null {
  try {
    return projectOf(principal, headers, []).project;
  } catch {
    return principal.project;
  }
}

/** What the path names first, or what the answer says was made. */
function targetOf({ params }: FastifyRequest, endpoint: Endpoint, payload: unknown): Audited["target"] {
  const [named]: unknown[] = typeof params === "object" && params !== null ? Object.values(params) : [];
  const id = typeof named === "string" ? named.slice(0, 256) : madeId(payload);
  return id === null ? null : { kind: resourceOf(endpoint), id };
}

function madeId(payload: unknown): string | null {
  if (typeof payload !== "string" || payload.length > MAX_ANSWER || !payload.startsWith("{")) return null;
  const made: unknown = JSON.parse(payload);
  return typeof made === "object" && made !== null && "id" in made && typeof made.id === "string" ? made.id : null;
}
