import { randomBytes } from "node:crypto";
import type { Bus, Clock, ServiceSecrets, SessionStore } from "@millrace/engine";
import type { Logger } from "pino";
import type { Settings } from "../settings.ts";
import { isToldByStore } from "../told-by-store.ts";
import type { AccessControl, TokenVerifier } from "./access-control.ts";
import { openOidc, providerOf } from "./oidc.ts";
import { type OidcLogin, openOidcLogin } from "./oidc-login.ts";
import { openSessions, type Sessions } from "./sessions.ts";
import { tellOfSessions } from "./tell-of-sessions.ts";

/** What people are known by: the identity provider, and their logins. */
export interface Identity {
  readonly sessions: Sessions;
  /** Null where the dashboard's sign-in at a provider is not set. */
  readonly login: OidcLogin | null;
  close(): void;
}

/** What it stands on. */
export interface IdentityParts {
  readonly settings: Settings;
  readonly access: AccessControl;
  readonly sessionStore: SessionStore;
  readonly serviceSecrets: ServiceSecrets;
  /** Null where there is one node. */
  readonly bus: Bus | null;
  readonly clock: Clock;
  readonly log: Logger;
}

/** How often sessions that have ended are removed, in milliseconds. */
const PRUNE_MS = 10 * 60_000;

/**
 * Lets access control know the provider's tokens and the dashboard's logins. The provider is asked when it is first needed.
 * @throws MillraceError SETTING_INVALID where the file with the client's secret cannot be read
 */
export function openIdentity(parts: IdentityParts): Identity {
  const { settings, access, sessionStore, serviceSecrets, bus, clock, log } = parts;
  const sessions = openSessions({
    store: sessionStore,
    keyIdOf: (principal) => access.keyIdOf(principal),
    keyIsLive: (keyId) => access.keyIsLive(keyId),
    clock,
    lifeMs: settings.session_hours * 3_600_000,
    idleMs: settings.session_idle_minutes * 60_000,
    ended: tellOfSessions(access, bus),
  });
  const provider = providerOf(settings);
  const tokens = openOidc(settings, provider);
  access.sessions = sessions;
  access.tokens = tokens === null ? null : told(tokens, log);
  const login = openOidcLogin(settings, provider, async () =>
    Buffer.from(await serviceSecrets.obtain("sign-in", randomBytes(32).toString("hex")), "hex"),
  );
  const timer = setInterval(() => {
    sessions.prune().catch((error) => {
      if (!isToldByStore(error)) log.warn({ err: error }, "logins that have ended could not be removed");
    });
  }, PRUNE_MS).unref();
  return { sessions, login, close: () => clearInterval(timer) };
}

/** Says in the log why a token was refused, which its sender is not told; and whenever the provider does not answer. */
function told(tokens: TokenVerifier, log: Logger): TokenVerifier {
  return {
    async verify(token) {
      try {
        return await tokens.verify(token);
      } catch (error) {
        const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : null;
        log.debug({ reason: cause }, "a bearer token was not taken");
        throw error;
      }
    },
  };
}
