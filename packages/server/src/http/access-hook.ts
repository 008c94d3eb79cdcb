import { MillraceError } from "@millrace/protocol";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { may, type Principal, STRANGER } from "../access/principal.ts";
import { requireProof } from "../access/sessions.ts";
import type { Endpoint } from "./endpoint.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** What the route belongs to. */
    endpoint?: Endpoint;
  }
}

/** Finds out who sends a request. @throws MillraceError UNAUTHENTICATED, SERVICE_UNAVAILABLE */
export type AuthenticateRequest = (request: FastifyRequest) => Promise<Principal>;

/**
 * Sets `request.principal`, and refuses requests whose sender may not do what the endpoint is for: before anything of them
 * is looked at, so that strangers learn nothing from what is wrong with them.
 */
export function registerAccess(app: FastifyInstance, authenticate: AuthenticateRequest): void {
  // Set before anything reads it.
  app.decorateRequest("principal", null as unknown as Principal);
  app.addHook("onRequest", async (request, reply) => {
    const { endpoint } = request.routeOptions.config;
    if (endpoint === undefined || endpoint.access === "open") {
      // What is open to all may still say more to some.
      request.principal = await authenticate(request).catch(() => STRANGER);
      return;
    }
    request.principal = STRANGER;
    request.principal = await authenticate(request).catch((error) => refuse(error, request, reply));
    if (request.principal.kind === "session") requireProof(request.raw);
    checkScope(request.principal, endpoint, endpoint.access, request, reply);
  });
}

/** The ticket of a request: in the query, as `EventSource` can set no header. Null where the endpoint takes none. */
export function ticketOf(request: FastifyRequest): string | null {
  if (request.routeOptions.config.endpoint?.takesTicket !== true) return null;
  const { ticket } = request.query as { readonly ticket?: unknown };
  const [value]: unknown[] = Array.isArray(ticket) ? ticket.slice(-1) : [ticket];
  return typeof value === "string" && value !== "" ? value : null;
}

function hasCredential({ headers }: FastifyRequest): boolean {
  return headers.authorization !== undefined || headers.cookie !== undefined;
}

/** RFC 6750, section 3: what is missing is told, and of a credential that is no good that it is not. */
function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply): never {
  if (error instanceof MillraceError && error.code === "UNAUTHENTICATED") {
    const given = hasCredential(request) || ticketOf(request) !== null;
    reply.header("www-authenticate", `Bearer realm="millrace"${given ? ', error="invalid_token"' : ""}`);
  }
  throw error;
}

function checkScope(
  principal: Principal,
  endpoint: Endpoint,
  scope: Exclude<Endpoint["access"], "open">,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  if (principal.kind === "ticket" && endpoint.takesTicket !== true) {
    throw new MillraceError("FORBIDDEN", "A ticket opens the streams of its execution alone.");
  }
  if (may(principal, scope)) return;
  reply.header("www-authenticate", `Bearer realm="millrace", error="insufficient_scope", scope="${scope}"`);
  throw new MillraceError(
    "FORBIDDEN",
    `${request.method} ${endpoint.path} needs the scope \`${scope}\`; this credential has ${principal.scopes.length === 0 ? "none" : principal.scopes.map((each) => `\`${each}\``).join(", ")}.`,
  );
}
