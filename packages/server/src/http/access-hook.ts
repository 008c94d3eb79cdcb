import { MillraceError } from "@millrace/protocol";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { may, type Principal, STRANGER } from "../access/principal.ts";
import { requireProof } from "../access/sessions.ts";
import { refused } from "../limits/limit-hooks.ts";
import type { Limits } from "../limits/limits.ts";
import { networkOf } from "./addresses.ts";
import type { Endpoint } from "./endpoint.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** What the route belongs to. */
    endpoint?: Endpoint;
  }
  interface FastifyRequest {
    /** Why it is not known who sends it; null where it is. */
    accessError: { readonly error: unknown } | null;
    /**
     * Notes that it has brought a credential that is none.
     * @throws MillraceError RATE_LIMITED where its address has sent too many: good ones are always let in
     */
    countWrongCredential: (reply: FastifyReply) => Promise<void>;
  }
}

/** Finds out who sends a request. @throws MillraceError UNAUTHENTICATED, SERVICE_UNAVAILABLE */
export type AuthenticateRequest = (request: FastifyRequest) => Promise<Principal>;

/**
 * Sets `request.principal`: a stranger where it is not known who sends the request. That is no refusal yet, so that what is
 * refused counts as what is let in does.
 */
export function registerAccess(app: FastifyInstance, authenticate: AuthenticateRequest): void {
  // Set before anything reads it.
  app.decorateRequest("principal", null as unknown as Principal);
  app.decorateRequest("accessError", null);
  app.addHook("onRequest", async (request) => {
    request.principal = STRANGER;
    try {
      request.principal = await authenticate(request);
    } catch (error) {
      request.accessError = { error };
    }
  });
}

/**
 * Refuses requests whose sender may not do what the endpoint is for: before anything of them is looked at, so that strangers
 * learn nothing from what is wrong with them. An address that has sent many credentials that were wrong is told for a while
 * to come back later, whenever it sends another of that kind.
 */
export function registerAdmission(
  app: FastifyInstance,
  limits: Pick<Limits, "attempt" | "attemptFailed"> | null,
): void {
  app.decorateRequest("countWrongCredential", async function (this: FastifyRequest, reply: FastifyReply) {
    await countFailure(limits, this, reply);
  });
  app.addHook("onRequest", async (request, reply) => {
    const { endpoint } = request.routeOptions.config;
    // What is open to all may still say more to some.
    if (endpoint === undefined || endpoint.access === "open") return;
    if (request.accessError !== null) {
      const { error } = request.accessError;
      if (!(error instanceof MillraceError) || error.code !== "UNAUTHENTICATED") throw error;
      const given = hasCredential(request);
      if (given) await request.countWrongCredential(reply);
      // RFC 6750, section 3: what is missing is told, and of a credential that is no good that it is not.
      reply.header("www-authenticate", `Bearer realm="millrace"${given ? ', error="invalid_token"' : ""}`);
      throw error;
    }
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

/** By address, of IPv6 the whole /64: whoever has one has all of them. */
async function countFailure(
  limits: Pick<Limits, "attempt" | "attemptFailed"> | null,
  { client: { address } }: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const network = networkOf(address);
  const refusal = (await limits?.attempt(network)) ?? null;
  if (refusal !== null) throw refused(reply, refusal);
  limits?.attemptFailed(network);
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
