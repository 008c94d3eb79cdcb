import {
  createSessionSchema,
  type LoginMethod,
  MillraceError,
  type SessionView,
  sessionSchema,
} from "@millrace/protocol";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { z } from "zod";
import { type Endpoint, endpoint, errorResponses, validationResponse } from "../http/endpoint.ts";
import type { Audited, AuditTrail } from "./audit-trail.ts";
import { dropCookie, LOGIN_COOKIE, readCookie, setCookie } from "./cookies.ts";
import { type Authenticate, unauthenticated } from "./credentials.ts";
import { LOGIN_SECONDS, LoginRefused, type OidcLogin } from "./oidc-login.ts";
import { type Principal, STRANGER } from "./principal.ts";
import { returnPath } from "./return-path.ts";
import { requireProof, type Session, type Sessions } from "./sessions.ts";

/** What the endpoints of sessions stand on. */
export interface SessionEndpointParts {
  readonly sessions: Sessions;
  /** Signs people in at the identity provider; null where it is not set. */
  readonly login: OidcLogin | null;
  readonly authenticate: Authenticate;
  readonly audit: AuditTrail;
  /** Where users find the service, if that was told: the provider leads back there, whatever name a request has. */
  readonly publicUrl: string | null;
  readonly log: Logger;
}

const tag = "Access";

/** `/api/v1/session`, and where a browser signs in at the identity provider. */
export function sessionEndpoints(parts: SessionEndpointParts): Endpoint[] {
  const { sessions, login } = parts;
  const methods: LoginMethod[] = [
    { kind: "api_key", name: null, path: null },
    ...(login === null ? [] : [{ kind: "oidc" as const, name: login.name, path: "/login/oidc" }]),
  ];
  return [
    endpoint({
      method: "GET",
      path: "/api/v1/session",
      access: "open",
      summary: "Who am I",
      description:
        "Whoever asks, by whatever credential, and what they may do. Where that is nobody, the 401 has `login_methods`, the ways to log in.",
      tag,
      responses: {
        200: { description: "Whoever asks", schema: sessionSchema },
        ...errorResponses("UNAUTHENTICATED"),
      },
      async handler({ principal, request }) {
        if (principal.kind === "anonymous" && principal.scopes.length === 0) {
          const detail = "Nobody is logged in. Log in with an API key, or in another way of login_methods.";
          throw new MillraceError("UNAUTHENTICATED", detail, { details: { login_methods: methods } });
        }
        const session =
          principal.kind === "session" ? await sessions.find(request.headers.cookie, request.client.secure) : null;
        return show(principal, session, methods);
      },
    }),
    endpoint({
      method: "POST",
      path: "/api/v1/session",
      access: "open",
      summary: "Log in",
      description:
        "With an API key, in the body or as `Authorization: Bearer`, or with a token of the identity provider there. The answer sets a cookie that is the credential of a browser's requests from then on: those that change something must have `X-CSRF-Token` as well. The login ends with its key.",
      tag,
      body: createSessionSchema,
      bodyOptional: true,
      responses: {
        201: { description: "Whoever is logged in now", schema: sessionSchema },
        ...errorResponses("UNAUTHENTICATED", "FORBIDDEN", "RATE_LIMITED", "SERVICE_UNAVAILABLE"),
        ...validationResponse,
      },
      async handler({ body, request, reply }) {
        // Another page could else log a browser in as somebody else.
        if (request.isForeign)
          throw new MillraceError(
            "FORBIDDEN",
            "A page of another origin sends this login. Log in on a page of this service.",
          );
        const principal = await credentialOf(parts, body.api_key, request, reply);
        const { session, setCookie: cookie } = await sessions.issue(own(request), principal, principal.expiresAt);
        // For the audit log: whoever logs in is the one who did it.
        request.principal = principal;
        reply.header("set-cookie", cookie);
        return reply.code(201).send(show(session.principal, session, methods));
      },
    }),
    endpoint({
      method: "DELETE",
      path: "/api/v1/session",
      access: "open",
      summary: "Log out",
      description:
        "The cookie opens nothing from then on, wherever else it is: the streams that it has opened end, and the tickets that it was issued open none.",
      tag,
      responses: { 204: { description: "Nobody is logged in" }, ...errorResponses("FORBIDDEN", "SERVICE_UNAVAILABLE") },
      async handler({ request, reply }) {
        const { cookie } = request.headers;
        const { secure } = request.client;
        if ((await sessions.find(cookie, secure)) !== null) requireProof(request.raw, request.isForeign);
        else request.changedNothing = true;
        const { setCookie: gone } = await sessions.end(cookie, secure);
        if (gone !== null) reply.header("set-cookie", gone);
        return reply.code(204).send();
      },
    }),
    ...(login === null ? [] : loginEndpoints(parts, login)),
  ];
}

/** Pages for a browser: whatever goes wrong leads to the dashboard's login, with the reason. */
function loginEndpoints(parts: SessionEndpointParts, login: OidcLogin): Endpoint[] {
  const page = {
    method: "GET",
    access: "open",
    tag,
    hidden: true,
    audit: null,
    responses: { 303: { description: "On to the next page" } },
  } as const;
  const publicOrigin = parts.publicUrl === null ? null : new URL(parts.publicUrl).origin;
  const callbackOf = ({ client: { secure, host } }: FastifyRequest) =>
    `${publicOrigin ?? `${secure ? "https" : "http"}://${host}`}/login/oidc/callback`;
  const refuse = (request: FastifyRequest, reply: FastifyReply, refused: LoginRefused) => {
    parts.log.warn({ request_id: request.id, why: refused.why, cause: reasonOf(refused.cause) }, "sign-in refused");
    const query = new URLSearchParams({ error: refused.why, return_to: refused.returnTo });
    return goTo(reply, `/login?${query}`);
  };
  return [
    endpoint({
      ...page,
      path: "/login/oidc",
      summary: "Sign in at the identity provider",
      query: z.object({ return_to: z.string().optional() }),
      async handler({ query, request, reply }) {
        const returnTo = returnPath(query.return_to);
        try {
          const { location, state } = await login.begin(callbackOf(request), returnTo);
          reply.header("set-cookie", setCookie(LOGIN_COOKIE, state, own(request).secure, LOGIN_SECONDS));
          return goTo(reply, location);
        } catch (error) {
          return refuse(request, reply, new LoginRefused("unavailable", returnTo, error));
        }
      },
    }),
    endpoint({
      ...page,
      path: "/login/oidc/callback",
      summary: "Come back from the identity provider",
      async handler({ request, reply }) {
        const { cookie } = request.headers;
        reply.header("set-cookie", dropCookie(LOGIN_COOKIE, own(request).secure));
        try {
          // Its query alone is looked at: the address is the one that the sign-in was begun with.
          const url = new URL(request.url, "http://millrace.invalid");
          const state = readCookie(cookie, LOGIN_COOKIE, own(request).secure)?.value ?? null;
          const { principal, returnTo } = await login.finish(url, state);
          // What the provider's token is good for is not how long the login is.
          const { setCookie: set } = await parts.sessions.issue(own(request), principal, null);
          await parts.audit.note(signIn(request, principal, 303));
          reply.header("set-cookie", set);
          return goTo(reply, returnTo);
        } catch (error) {
          if (!(error instanceof LoginRefused)) throw error;
          if (error.why !== "unavailable") parts.audit.refused(signIn(request, STRANGER, 401));
          return refuse(request, reply, error);
        }
      },
    }),
  ];
}

function signIn(request: FastifyRequest, { kind, id, name, project }: Principal, status: number): Audited {
  return {
    actor: { kind, id, name },
    action: "session.create",
    target: null,
    project,
    outcome: status === 401 ? "denied" : "allowed",
    status,
    requestId: request.id,
    address: request.client.address,
  };
}

/** What of a request a new login goes by. */
function own({ headers, client }: FastifyRequest): { cookies: string | undefined; secure: boolean } {
  return { cookies: headers.cookie, secure: client.secure };
}

/** A redirect whose own address, with the provider's code in it, nobody is told. */
function goTo(reply: FastifyReply, location: string): FastifyReply {
  return reply.header("referrer-policy", "no-referrer").header("location", location).code(303).send();
}

async function credentialOf(
  { authenticate }: SessionEndpointParts,
  key: string | undefined,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Principal> {
  const authorization = key === undefined ? (request.headers.authorization ?? null) : `Bearer ${key}`;
  let principal: Principal;
  try {
    principal = await authenticate({ authorization, cookie: null, ticket: null });
  } catch (error) {
    const wrong = error instanceof MillraceError && error.code === "UNAUTHENTICATED" && authorization !== null;
    if (wrong) await request.countWrongCredential(reply);
    throw error;
  }
  // Access control is off, or the header is somebody else's.
  if (principal.kind === "anonymous")
    throw unauthenticated('There is nothing to log in with: send an API key, as {"api_key": "mr_…"}.');
  return principal;
}

function show(principal: Principal, session: Session | null, methods: readonly LoginMethod[]): SessionView {
  const { kind, id, name, project, scopes, expiresAt } = principal;
  return {
    kind,
    id,
    name,
    project,
    scopes: [...scopes],
    expires_at: expiresAt === null ? null : new Date(expiresAt).toISOString(),
    csrf_token: session?.csrfToken ?? null,
    login_methods: [...methods],
  };
}

/** The messages of an error and its causes: neither tokens nor codes stand in those. */
function reasonOf(cause: unknown): string {
  const parts: string[] = [];
  for (let error = cause; error instanceof Error && parts.length < 5; error = error.cause) parts.push(error.message);
  return parts.join(": ");
}
