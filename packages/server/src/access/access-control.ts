import type { ApiKeys, Clock, ServiceSecrets } from "@millrace/engine";
import type { Logger } from "pino";
import { API_KEY_PREFIX, hashOf, sameHash } from "./api-key.ts";
import { bearerOf, type Credentials, unauthenticated } from "./credentials.ts";
import { KeyVerifier } from "./key-verifier.ts";
import { ANYONE, type Principal } from "./principal.ts";
import { Tickets } from "./tickets.ts";

/** Verifies a token that is no API key. */
export interface TokenVerifier {
  /** @throws MillraceError UNAUTHENTICATED, SERVICE_UNAVAILABLE */
  verify(token: string): Promise<Principal>;
}

/** Knows the sessions of browsers. */
export interface SessionVerifier {
  /** Null where there is no session among the cookies. @see Sessions.principalOf @throws MillraceError UNAUTHENTICATED */
  principalOf(cookies: string, overTls: boolean): Promise<Principal | null>;
  /** Whether a session is live, by its id. */
  isLive(sessionId: string): Promise<boolean>;
}

/** What access control stands on. */
export interface AccessParts {
  readonly apiKeys: ApiKeys;
  readonly serviceSecrets: ServiceSecrets;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether a request needs a credential. One that brings a key is held to what it may either way. */
  readonly isOn: boolean;
  /** @see Settings.admin_key */
  readonly adminKey: string | null;
}

const NO_BEARER = "The Authorization header must be `Bearer` and an API key or a token.";

const ADMIN_KEY: Principal = { ...ANYONE, kind: "key", id: "admin-key", name: "admin_key" };

/** Says who sends a request: by API key, OIDC token, session or ticket. */
export class AccessControl {
  /** @see AccessParts.isOn */
  readonly isOn: boolean;
  readonly keys: KeyVerifier;
  readonly tickets: Tickets;
  /** Of OIDC; null where none is set up. */
  tokens: TokenVerifier | null = null;
  /** Null where there is no dashboard. */
  sessions: SessionVerifier | null = null;
  /** Told of a principal or a session that may not come in any more, by its id. */
  onRevoked: (id: string) => void = () => {};
  readonly #adminKeyHash: string | null;
  readonly #adminKeyId: string | null;

  private constructor({ isOn, adminKey }: AccessParts, keys: KeyVerifier, tickets: Tickets) {
    this.isOn = isOn;
    this.keys = keys;
    this.tickets = tickets;
    const hash = adminKey === null ? null : hashOf(adminKey);
    this.#adminKeyHash = hash;
    this.#adminKeyId = hash === null ? null : `${ADMIN_KEY.id}:${hashOf(hash).slice(0, 32)}`;
  }

  /** @throws MillraceError SERVICE_UNAVAILABLE where the store cannot be written */
  static async open(parts: AccessParts): Promise<AccessControl> {
    const keys = new KeyVerifier(parts);
    const tickets = await Tickets.open(parts.serviceSecrets, parts.clock, {
      keyIdOf: (principal) => (principal.kind === "key" ? access.keyIdOf(principal) : undefined),
      isLive: async (keyId, sessionId) => {
        if (keyId !== undefined && !(await access.keyIsLive(keyId))) return false;
        return sessionId === undefined || (await access.sessions?.isLive(sessionId)) !== false;
      },
    });
    const access = new AccessControl(parts, keys, tickets);
    return access;
  }

  /**
   * Who brings these credentials. One that is brought must be good, also where none is needed. A header of another scheme is
   * none: a proxy in front may ask for a password of its own, which the browser then sends along with its cookies.
   * @throws MillraceError UNAUTHENTICATED; SERVICE_UNAVAILABLE where it cannot be found out
   */
  async authenticate({ authorization, cookie, overTls = false, ticket }: Credentials): Promise<Principal> {
    const bearer = authorization === null ? null : bearerOf(authorization);
    if (bearer !== null) {
      const known = await this.#byToken(bearer);
      if (known !== null) return known;
    }
    const isGarbled = this.isOn && authorization !== null && bearer === null && /^bearer\b/i.test(authorization);
    if (isGarbled) throw unauthenticated(NO_BEARER);
    if (ticket !== null) return this.tickets.verify(ticket);
    const session = cookie === null ? null : ((await this.sessions?.principalOf(cookie, overTls)) ?? null);
    if (session !== null) return session;
    if (!this.isOn) return ANYONE;
    if (authorization !== null && bearer === null) throw unauthenticated(NO_BEARER);
    throw unauthenticated("This service needs a credential: send an API key as `Authorization: Bearer mr_…`.");
  }

  /**
   * What a key is known by to {@link keyIsLive}. The one of the settings has no record that could be revoked: what was made
   * with it ends when it is another one.
   */
  keyIdOf({ id }: Principal): string {
    return id === ADMIN_KEY.id ? (this.#adminKeyId ?? id) : id;
  }

  /** Whether a key still opens something. */
  async keyIsLive(keyId: string): Promise<boolean> {
    if (keyId.startsWith(ADMIN_KEY.id)) return keyId === this.#adminKeyId;
    return (await this.keys.live(keyId)) !== null;
  }

  close(): Promise<void> {
    return this.keys.close();
  }

  /** Null where it is not for this service, and none is needed. */
  async #byToken(token: string): Promise<Principal | null> {
    if (this.#adminKeyHash !== null && sameHash(hashOf(token), this.#adminKeyHash)) return ADMIN_KEY;
    if (token.startsWith(API_KEY_PREFIX)) return this.keys.verify(token);
    if (this.tokens !== null) return this.tokens.verify(token);
    if (!this.isOn) return null;
    // As long as for a key.
    return this.keys.verify(token);
  }
}
