import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Audit, Audited } from "../access/audit-trail.ts";
import { type Principal, STRANGER } from "../access/principal.ts";
import { projectOf } from "../access/project-of.ts";
import type { Endpoint } from "./endpoint.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Set by a handler that has done nothing, as there was nothing to do: it is not written down. */
    changedNothing: boolean;
    /** The project of what it is about, where it may be about any: set by a handler whose answer does not say it. */
    concerns: string | null;
  }
}

/** Answers up to this size are looked through for the id of what was made, in characters. */
const MAX_ANSWER = 256 * 1024;

const VERBS: Readonly<Record<Endpoint["method"], string>> = {
  GET: "read",
  POST: "create",
  PUT: "update",
  PATCH: "update",
  DELETE: "delete",
};

/**
 * Writes down what requests change, before their answers are sent. What was refused is counted: by access control, by a
 * limit, and whatever is wrong with a request of somebody who is nobody. Each of those could else have a commit made for it.
 */
export function registerAudit(app: FastifyInstance, trail: Audit): void {
  app.decorateRequest("changedNothing", false);
  app.decorateRequest("concerns", null);
  app.addHook("onSend", async (request, reply, payload) => {
    const { endpoint } = request.routeOptions.config;
    if (endpoint === undefined) return payload;
    const denied = reply.statusCode === 401 || reply.statusCode === 403;
    const action = actionOf(endpoint);
    // What is only looked at is not written down, but where somebody may not look.
    if ((action === null || request.changedNothing) && !denied) return payload;
    const audited = describe(request, reply, endpoint, action ?? `${resourceOf(endpoint)}.read`, payload);
    if (denied || reply.statusCode === 429 || (audited.outcome === "failed" && isNobody(request)))
      trail.refused(audited);
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

/** Whether nobody knows who sends it, or it was refused before that was asked. */
function isNobody({ principal }: FastifyRequest): boolean {
  const { kind, scopes } = principal ?? STRANGER;
  return kind === "anonymous" && scopes.length === 0;
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
  const made = status < 400 ? readMade(payload) : null;
  return {
    actor: { kind, id, name },
    action,
    target: targetOf(request, endpoint, made),
    project: request.concerns ?? projectNamed(principal, request) ?? textAt(made, "project"),
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
function targetOf({ params }: FastifyRequest, endpoint: Endpoint, made: object | null): Audited["target"] {
  const [named]: unknown[] = typeof params === "object" && params !== null ? Object.values(params) : [];
  const id = typeof named === "string" ? named.slice(0, 256) : textAt(made, "id");
  return id === null ? null : { kind: resourceOf(endpoint), id };
}

/** The answer, where it is the JSON of one thing. */
function readMade(payload: unknown): object | null {
  if (typeof payload !== "string" || payload.length > MAX_ANSWER || !payload.startsWith("{")) return null;
  const made: unknown = JSON.parse(payload);
  return typeof made === "object" ? made : null;
}

function textAt(made: object | null, name: string): string | null {
  const value: unknown = made === null ? null : Reflect.get(made, name);
  return typeof value === "string" ? value : null;
}
