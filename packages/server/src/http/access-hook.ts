import { MillraceError } from "@millrace/protocol";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { may, type Principal, STRANGER } from "../access/principal.ts";
import { requireProof } from "../access/sessions.ts";
import { refused } from "../limits/limit-hooks.ts";
import type { Limits } from "../limits/limits.ts";
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
 * is looked at, so that strangers learn nothing from what is wrong with them. An address that has sent many credentials that
 * were wrong is told for a while to come back later, whenever it sends another of that kind.
 */
export function registerAccess(
  app: FastifyInstance,
  authenticate: AuthenticateRequest,
  limits: Pick<Limits, "attempt" | "attemptFailed"> | null,
): void {
  // Set before anything reads it.
  app.decorateRequest("principal", null as unknown as Principal);
  app.addHook("onRequest", async (request, reply) => {
    const { endpoint } = request.routeOptions.config;
    request.principal = STRANGER;
    const isOpen = endpoint === undefined || endpoint.access === "open";
    try {
      request.principal = await authenticate(request);
    } catch (error) {
      // What is open to all may still say more to some.
      if (isOpen) return;
      if (!(error instanceof MillraceError) || error.code !== "UNAUTHENTICATED") throw error;
      const given = hasCredential(request);
      if (given) await countFailure(limits, request, reply);
      // RFC 6750, section 3: what is missing is told, and of a credential that is no good that it is not.
      reply.header("www-authenticate", `Bearer realm="millrace"${given ? ', error="invalid_token"' : ""}`);
      throw error;
    }
    if (isOpen) return;
    if (request.principal.kind === "session") requireProof(request.raw, request.isForeign);
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

/** Whether a request brings a credential that was made for this service: browsers send cookies of others as well. */
function hasCredential(request: FastifyRequest): boolean {
  return request.headers.authorization !== undefined || ticketOf(request) !== null;
}

/** @throws MillraceError RATE_LIMITED where the address has sent too many wrong credentials: good ones are always let in */
async function countFailure(
  limits: Pick<Limits, "attempt" | "attemptFailed"> | null,
  { client: { address } }: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const refusal = (await limits?.attempt(address)) ?? null;
  if (refusal !== null) throw refused(reply, refusal);
  limits?.attemptFailed(address);
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
