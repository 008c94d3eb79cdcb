import {
  createSessionSchema,
  type LoginMethod,
  MillraceError,
  type SessionView,
  sessionSchema,
} from "@millrace/protocol";
import type { FastifyReply, FastifyRequest } from "fastify";
import { decodeJwt } from "jose";
import type { Logger } from "pino";
import { z } from "zod";
import { type Endpoint, endpoint, errorResponses, validationResponse } from "../http/endpoint.ts";
import { dropCookie, LOGIN_COOKIE, readCookie, setCookie } from "./cookies.ts";
import type { TokenVerifier } from "./oidc.ts";
import { LOGIN_SECONDS, LoginRefused, type OidcLogin } from "./oidc-login.ts";
import type { Principal } from "./principal.ts";
import { returnPath } from "./return-path.ts";
import { isForeign, type Session, type SessionRequest, type Sessions } from "./sessions.ts";

/** A login, a logout, or one that was refused. */
export interface SessionEvent {
  readonly action: "session.create" | "session.delete";
  /** Null where nobody is known. */
  readonly principal: Principal | null;
  readonly outcome: "allowed" | "denied";
}

/** What the endpoints of sessions stand on. */
export interface SessionEndpointParts {
  readonly sessions: Sessions;
  /** Whose an API key is; null: it opens nothing. */
  verifyKey(key: string): Promise<Principal | null>;
  /** Takes bearer tokens of the identity provider; null where none is set. */
  readonly tokens: TokenVerifier | null;
  /** Signs people in there; null where it is not set. */
  readonly login: OidcLogin | null;
  /** The origin at which a browser reached the service: `https://millrace.example.org`. */
  originOf(request: FastifyRequest): string;
  /** Told of each failed attempt, with the client's address. */
  onFailure(request: FastifyRequest): void;
  /** Told of each login and logout. */
  onEvent(request: FastifyRequest, event: SessionEvent): void;
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
  const own = (request: FastifyRequest): SessionRequest => ({
    method: request.method,
    headers: request.headers,
    secure: parts.originOf(request).startsWith("https:"),
  });
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
        const session = principal.kind === "session" ? await sessions.authenticate(own(request)) : null;
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
        if (isForeign(request.headers))
          throw new MillraceError(
            "FORBIDDEN",
            "A page of another origin sends this login. Log in on a page of this service.",
          );
        const { principal, until } = await credentialOf(parts, body.api_key, request);
        const { session, setCookie: cookie } = await sessions.issue(own(request), principal, until);
        parts.onEvent(request, { action: "session.create", principal, outcome: "allowed" });
        reply.header("set-cookie", cookie);
        return reply.code(201).send(show(session.principal, session, methods));
      },
    }),
    endpoint({
      method: "DELETE",
      path: "/api/v1/session",
      access: "open",
      summary: "Log out",
      description: "The cookie opens nothing from then on, wherever else it is.",
      tag,
      responses: { 204: { description: "Nobody is logged in" }, ...errorResponses("FORBIDDEN", "SERVICE_UNAVAILABLE") },
      async handler({ request, reply }) {
        const { ended, setCookie: cookie } = await sessions.end(own(request));
        if (ended !== null)
          parts.onEvent(request, { action: "session.delete", principal: ended.principal, outcome: "allowed" });
        return reply.header("set-cookie", cookie).code(204).send();
      },
    }),
    ...(login === null ? [] : loginEndpoints(parts, login, own)),
  ];
}

/** Pages for a browser: whatever goes wrong leads to the dashboard's login, with the reason. */
function loginEndpoints(
  parts: SessionEndpointParts,
  login: OidcLogin,
  own: (request: FastifyRequest) => SessionRequest,
): Endpoint[] {
  const page = {
    method: "GET",
    access: "open",
    tag,
    hidden: true,
    responses: { 303: { description: "On to the next page" } },
  } as const;
  const callbackOf = (request: FastifyRequest) => `${parts.originOf(request)}/login/oidc/callback`;
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
        const { secure, headers } = own(request);
        reply.header("set-cookie", dropCookie(LOGIN_COOKIE, secure));
        try {
          const url = new URL(request.url, callbackOf(request));
          const { principal, returnTo } = await login.finish(url, readCookie(headers.cookie, LOGIN_COOKIE, secure));
          const { setCookie: cookie } = await parts.sessions.issue(own(request), principal);
          parts.onEvent(request, { action: "session.create", principal, outcome: "allowed" });
          reply.header("set-cookie", cookie);
          return goTo(reply, returnTo);
        } catch (error) {
          if (!(error instanceof LoginRefused)) throw error;
          if (error.why !== "unavailable") {
            parts.onFailure(request);
            parts.onEvent(request, { action: "session.create", principal: null, outcome: "denied" });
          }
          return refuse(request, reply, error);
        }
      },
    }),
  ];
}

/** A redirect whose own address, with the provider's code in it, nobody is told. */
function goTo(reply: FastifyReply, location: string): FastifyReply {
  return reply.header("referrer-policy", "no-referrer").header("location", location).code(303).send();
}

async function credentialOf(
  parts: SessionEndpointParts,
  key: string | undefined,
  request: FastifyRequest,
): Promise<{ principal: Principal; until: number | null }> {
  const given = key ?? /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
  if (given === undefined)
    throw new MillraceError("UNAUTHENTICATED", 'Nothing to log in with: send an API key, as {"api_key": "mr_…"}.');
  try {
    // A token has two dots, a key has none.
    if (parts.tokens !== null && given.includes(".")) {
      const principal = await parts.tokens.verify(given);
      // What somebody else gave for a while is not made to last longer.
      return { principal, until: (decodeJwt(given).exp ?? 0) * 1000 };
    }
    const principal = await parts.verifyKey(given);
    if (principal !== null) return { principal, until: null };
    throw new MillraceError("UNAUTHENTICATED", "The API key is wrong, expired or revoked.");
  } catch (error) {
    if (error instanceof MillraceError && error.code === "UNAUTHENTICATED") {
      parts.onFailure(request);
      parts.onEvent(request, { action: "session.create", principal: null, outcome: "denied" });
    }
    throw error;
  }
}

function show(principal: Principal, session: Session | null, methods: readonly LoginMethod[]): SessionView {
  const { kind, id, name, project, scopes } = principal;
  return {
    kind,
    id,
    name,
    project,
    scopes: [...scopes],
    expires_at: session === null ? null : new Date(session.expiresAt).toISOString(),
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
