import { hash, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { SessionRecord, SessionStore } from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";
import { dropCookie, readCookie, SESSION_COOKIE, setCookie } from "./cookies.ts";
import type { Principal } from "./principal.ts";

/** What sessions stand on. */
export interface SessionParts {
  readonly store: SessionStore;
  /** Whether an API key still opens something: asked at each use of a session that was made from one. */
  keyIsLive(keyId: string): Promise<boolean>;
  readonly clock: { now(): number };
  /** The longest that one lasts, in milliseconds. */
  readonly lifeMs: number;
  /** The longest that one lasts without being used, in milliseconds. */
  readonly idleMs: number;
}

/** What of a request counts. */
export interface SessionRequest {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  /** Whether it came over TLS, as far as the browser is concerned. */
  readonly secure: boolean;
}

/** A session that is live. */
export interface Session {
  readonly principal: Principal;
  /** Epoch ms. */
  readonly expiresAt: number;
  /** What a request that changes something must say in `X-CSRF-Token`. */
  readonly csrfToken: string;
}

/** Logins of the dashboard. A cookie holds a random value; what it stands for is in the store, so that a logout ends it. */
export interface Sessions {
  /** Whose session a request's cookie is of; null: there is none, or it has ended. Does not ask for a proof. */
  principalOf(cookieHeader: string | undefined, secure: boolean): Promise<Principal | null>;
  /**
   * The session of a request that may be acted upon.
   * @throws MillraceError FORBIDDEN where a request that changes something does not show that a page of this service sends it
   */
  authenticate(request: SessionRequest): Promise<Session | null>;
  /** Begins one, in place of the one that the request has; `until` (epoch ms) is its latest end. */
  issue(
    request: SessionRequest,
    principal: Principal,
    until?: number | null,
  ): Promise<{ readonly session: Session; readonly setCookie: string }>;
  /** Ends the one that the request has, if any. @throws MillraceError FORBIDDEN @see authenticate */
  end(request: SessionRequest): Promise<{ readonly ended: Session | null; readonly setCookie: string }>;
  /** Removes some that have ended; says how many. */
  prune(): Promise<number>;
}

/** How far behind the time of the last use may be: a page that is open would else write all the time. */
const TOUCH_MS = 60_000;

/** How many are removed at a time. */
const PRUNED = 1_000;

/** The form of what a cookie holds: 256 random bits. */
const TOKEN = /^[\w-]{43}$/;

/** @see Sessions */
export function openSessions(parts: SessionParts): Sessions {
  const { store, clock, lifeMs, idleMs } = parts;

  async function find(cookieHeader: string | undefined, secure: boolean): Promise<Session | null> {
    const token = readCookie(cookieHeader, SESSION_COOKIE, secure);
    if (token === null || !TOKEN.test(token)) return null;
    const record = await store.get(hashOf(token));
    const now = clock.now();
    if (record === null || record.expiresAt <= now || record.idleAt <= now) return null;
    if (record.keyId !== null && !(await parts.keyIsLive(record.keyId))) {
      await store.delete(record.hash);
      return null;
    }
    const idleAt = Math.min(now + idleMs, record.expiresAt);
    // A minute of a short time is too much of it.
    if (idleAt - record.idleAt >= Math.min(TOUCH_MS, idleMs / 10)) await store.touch(record.hash, idleAt);
    return toSession(record, token);
  }

  return {
    principalOf: async (cookieHeader, secure) => (await find(cookieHeader, secure))?.principal ?? null,

    async authenticate({ method, headers, secure }) {
      const session = await find(headers.cookie, secure);
      if (session !== null && changes(method)) requireProof(headers, session);
      return session;
    },

    async issue({ headers, secure }, principal, until = null) {
      const token = randomBytes(32).toString("base64url");
      const now = clock.now();
      const expiresAt = Math.min(now + lifeMs, until ?? Number.POSITIVE_INFINITY);
      const record: SessionRecord = {
        hash: hashOf(token),
        subject: { id: principal.id, name: principal.name },
        project: principal.project,
        scopes: principal.scopes,
        keyId: principal.kind === "key" ? principal.id : null,
        createdAt: now,
        expiresAt,
        idleAt: Math.min(now + idleMs, expiresAt),
      };
      const before = readCookie(headers.cookie, SESSION_COOKIE, secure);
      if (before !== null) await store.delete(hashOf(before));
      await store.create(record);
      return {
        session: toSession(record, token),
        setCookie: setCookie(SESSION_COOKIE, token, secure, (expiresAt - now) / 1000),
      };
    },

    async end({ headers, secure }) {
      const ended = await find(headers.cookie, secure);
      if (ended !== null) {
        requireProof(headers, ended);
        await store.delete(hashOf(readCookie(headers.cookie, SESSION_COOKIE, secure) ?? ""));
      }
      return { ended, setCookie: dropCookie(SESSION_COOKIE, secure) };
    },

    prune: () => store.prune(clock.now(), PRUNED),
  };
}

/** Whether a request of another page than the service's own: browsers say so, of requests over TLS or to this machine. */
export function isForeign(headers: IncomingHttpHeaders): boolean {
  const { "sec-fetch-site": site, origin, host } = headers;
  if (site !== undefined) return site !== "same-origin" && site !== "none";
  return origin !== undefined && !(URL.canParse(origin) && new URL(origin).host === host?.toLowerCase());
}

function changes(method: string): boolean {
  return !["GET", "HEAD", "OPTIONS"].includes(method);
}

/** A cookie comes along with whatever any page makes a browser send: the header, only with what this service's own do. */
function requireProof(headers: IncomingHttpHeaders, { csrfToken }: Session): void {
  if (isForeign(headers)) {
    throw new MillraceError(
      "FORBIDDEN",
      "A page of another origin sends this request, with a cookie of this service. Send it with an API key instead.",
    );
  }
  const given = headers["x-csrf-token"];
  if (typeof given !== "string" || !isSame(given, csrfToken)) {
    throw new MillraceError(
      "FORBIDDEN",
      `The request goes by a cookie, and its header X-CSRF-Token ${given === undefined ? "is missing" : "is not the session's"}. It is what GET /api/v1/session says as csrf_token.`,
    );
  }
}

function isSame(given: string, known: string): boolean {
  const [one, other] = [given, known].map((text) => hash("sha256", text, "buffer"));
  return one !== undefined && other !== undefined && timingSafeEqual(one, other);
}

function toSession({ subject, project, scopes, expiresAt }: SessionRecord, token: string): Session {
  return {
    principal: { kind: "session", ...subject, project, scopes, executionId: null },
    expiresAt,
    // Nothing leads back from it to what the cookie holds, nor to it from what is stored.
    csrfToken: hash("sha256", `csrf:${token}`, "base64url"),
  };
}

function hashOf(token: string): string {
  return hash("sha256", `session:${token}`);
}
