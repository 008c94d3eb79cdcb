import { hash, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { SessionRecord, SessionStore } from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";
import { type Cookie, dropCookie, readCookie, SESSION_COOKIE, setCookie } from "./cookies.ts";
import type { Principal } from "./principal.ts";

/** What sessions stand on. */
export interface SessionParts {
  readonly store: SessionStore;
  /** What a key is known by to {@link keyIsLive}: of the principal that it makes. */
  keyIdOf(principal: Principal): string;
  /** Whether a key still opens something: asked at each use of a session that was made from one. */
  keyIsLive(keyId: string): Promise<boolean>;
  readonly clock: { now(): number };
  /** The longest that one lasts, in milliseconds. */
  readonly lifeMs: number;
  /** The longest that one lasts without being used, in milliseconds. */
  readonly idleMs: number;
  /** Told of one that a logout, or a login in its place, has ended. */
  ended(sessionId: string): void;
}

/** A session that is live. */
export interface Session {
  readonly principal: Principal;
  /** What a request that changes something must say in `X-CSRF-Token`. */
  readonly csrfToken: string;
}

/** Logins of the dashboard. A cookie holds a random value; what it stands for is in the store, so that a logout ends it. */
export interface Sessions {
  /**
   * Whose session the cookies are of; null: there is none, or it has ended. It is not asked whose page sends them. `overTls`:
   * whether the browser asks over TLS; a cookie that was set without is then none.
   */
  principalOf(cookies: string | undefined, overTls: boolean): Promise<Principal | null>;
  /** The same, with what there is to say of it. */
  find(cookies: string | undefined, overTls: boolean): Promise<Session | null>;
  /** Whether a session is live, by its id. */
  isLive(sessionId: string): Promise<boolean>;
  /**
   * Begins one, in place of the one that the cookies have. `secure`: whether the browser asks over TLS; `until`: the latest
   * that it may end, in epoch ms.
   */
  issue(
    request: { readonly cookies: string | undefined; readonly secure: boolean },
    principal: Principal,
    until: number | null,
  ): Promise<{ readonly session: Session; readonly setCookie: string }>;
  /** Ends the one that the cookies have, if any; `setCookie` takes its cookie away. @see principalOf */
  end(cookies: string | undefined, overTls: boolean): Promise<{ readonly setCookie: string | null }>;
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

  async function liveRecord(hash: string): Promise<SessionRecord | null> {
    const record = await store.get(hash);
    const now = clock.now();
    if (record === null || record.expiresAt <= now || record.idleAt <= now) return null;
    if (record.keyId === null || (await parts.keyIsLive(record.keyId))) return record;
    await store.delete(record.hash);
    return null;
  }

  async function end(cookie: Cookie): Promise<void> {
    const hash = hashOf(cookie);
    await store.delete(hash);
    parts.ended(hash);
  }

  async function find(cookies: string | undefined, overTls: boolean): Promise<Session | null> {
    const cookie = cookieOf(cookies, overTls);
    const record = cookie === null ? null : await liveRecord(hashOf(cookie));
    if (cookie === null || record === null) return null;
    const idleAt = Math.min(clock.now() + idleMs, record.expiresAt);
    // A minute of a short time is too much of it.
    if (idleAt - record.idleAt >= Math.min(TOUCH_MS, idleMs / 10)) await store.touch(record.hash, idleAt);
    return toSession(record, cookie);
  }

  return {
    find,
    principalOf: async (cookies, overTls) => (await find(cookies, overTls))?.principal ?? null,
    isLive: async (sessionId) => (await liveRecord(sessionId)) !== null,

    async issue({ cookies, secure }, principal, until) {
      const cookie: Cookie = { value: randomBytes(32).toString("base64url"), secure };
      const now = clock.now();
      const expiresAt = Math.min(now + lifeMs, until ?? Number.POSITIVE_INFINITY);
      const record: SessionRecord = {
        hash: hashOf(cookie),
        subject: { id: principal.id, name: principal.name },
        project: principal.project,
        scopes: principal.scopes,
        keyId: principal.kind === "key" ? parts.keyIdOf(principal) : null,
        createdAt: now,
        expiresAt,
        idleAt: Math.min(now + idleMs, expiresAt),
      };
      const before = cookieOf(cookies, secure);
      if (before !== null) await end(before);
      await store.create(record);
      return {
        session: toSession(record, cookie),
        setCookie: setCookie(SESSION_COOKIE, cookie.value, secure, (expiresAt - now) / 1000),
      };
    },

    async end(cookies, overTls) {
      const cookie = cookieOf(cookies, overTls);
      if (cookie !== null) await end(cookie);
      return { setCookie: cookie === null ? null : dropCookie(SESSION_COOKIE, cookie.secure) };
    },

    prune: () => store.prune(clock.now(), PRUNED),
  };
}

/**
 * That a request whose credential is a session may change something. A cookie comes along with whatever any page makes a
 * browser send: the header, only with what pages of this service do. `isForeign`: whether another's page sends it.
 * @throws MillraceError FORBIDDEN
 */
export function requireProof(
  { method, headers }: Pick<IncomingMessage, "method" | "headers">,
  isForeign: boolean,
): void {
  if (["GET", "HEAD", "OPTIONS"].includes(method ?? "")) return;
  if (isForeign) {
    throw new MillraceError(
      "FORBIDDEN",
      "A page of another origin sends this request, with a cookie of this service. Send it with an API key instead.",
    );
  }
  // The one that was set over TLS goes first, wherever there is one.
  const cookie = cookieOf(headers.cookie, false);
  const given = headers["x-csrf-token"];
  if (cookie === null || typeof given !== "string" || !isSame(given, csrfTokenOf(cookie))) {
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

function cookieOf(cookies: string | undefined, overTls: boolean): Cookie | null {
  const cookie = readCookie(cookies, SESSION_COOKIE, overTls);
  return cookie !== null && TOKEN.test(cookie.value) ? cookie : null;
}

function toSession({ hash: sessionId, subject, project, scopes, expiresAt }: SessionRecord, cookie: Cookie): Session {
  return {
    principal: { kind: "session", ...subject, project, scopes, executionId: null, expiresAt, sessionId },
    csrfToken: csrfTokenOf(cookie),
  };
}

/** Nothing leads back from it to what the cookie holds, nor to it from what is stored. */
function csrfTokenOf({ value }: Cookie): string {
  return hash("sha256", `csrf:${value}`, "base64url");
}

/** What is set over TLS opens nothing under the name that is not: that, a neighbouring host can set as well. */
function hashOf({ value, secure }: Cookie): string {
  return hash("sha256", `${secure ? "secure" : "plain"}:${value}`);
}
