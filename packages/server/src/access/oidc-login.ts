import { readFileSync } from "node:fs";
import { knownSecrets } from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";
import { EncryptJWT, type JWTPayload, jwtDecrypt } from "jose";
import {
  AuthorizationResponseError,
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  ClientSecretBasic,
  ClientSecretPost,
  Configuration,
  calculatePKCECodeChallenge,
  None,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from "openid-client";
import { z } from "zod";
import { principalOf } from "./claims.ts";
import { verifyClaims } from "./oidc.ts";
import type { IdentitySettings } from "./oidc-settings.ts";
import type { Principal } from "./principal.ts";
import type { Provider } from "./provider.ts";
import { returnPath } from "./return-path.ts";

/** Signs people in at the identity provider, by its authorization code flow with PKCE. */
export interface OidcLogin {
  /** What the dashboard calls it. */
  readonly name: string;
  /**
   * Where to send the browser, and what to keep in its cookie until it comes back to `callback`.
   * @throws MillraceError SERVICE_UNAVAILABLE
   */
  begin(callback: string, returnTo: string): Promise<{ readonly location: string; readonly state: string }>;
  /**
   * Who has come back, and where to; `state` is what the cookie holds.
   * @throws LoginRefused
   */
  finish(callbackUrl: URL, state: string | null): Promise<{ readonly principal: Principal; readonly returnTo: string }>;
}

/** Why nobody was let in: what the login page tells, and the reason for a log as its cause. */
export class LoginRefused extends Error {
  override readonly name = "LoginRefused";
  readonly why: LoginFailure;
  /** Where to go once it works. */
  readonly returnTo: string;

  constructor(why: LoginFailure, returnTo: string, cause?: unknown) {
    super(`sign-in refused: ${why}`, { cause });
    this.why = why;
    this.returnTo = returnTo;
  }
}

/**
 * `expired`: it took too long, or the browser began another. `denied`: by the provider. `unavailable`: the provider does
 * not answer. `no_access`: it is known who it is, and they may do nothing here. `projects`: they may do something in
 * several projects. `refused`: what the provider says is not as it should be.
 */
export type LoginFailure = "expired" | "denied" | "unavailable" | "no_access" | "projects" | "refused";

/** The longest that somebody may take at the provider, in seconds. */
export const LOGIN_SECONDS = 600;

const pendingSchema = z.object({
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  callback: z.string(),
  return_to: z.string(),
});

/**
 * @param key 32 bytes that are the same on all nodes: what a browser holds meanwhile is encrypted with them
 * @throws MillraceError SETTING_INVALID where the file with the client's secret cannot be read
 */
export function openOidcLogin(
  settings: IdentitySettings,
  provider: Provider | null,
  key: () => Promise<Uint8Array>,
): OidcLogin | null {
  const { oidc_client_id: clientId, oidc_audience: audience } = settings;
  if (provider === null || clientId === null) return null;
  const secret = clientSecret(settings);

  async function configuration(provider: Provider, clientId: string): Promise<Configuration> {
    const metadata = await provider.metadata();
    const { authorization_endpoint, token_endpoint } = metadata;
    if (authorization_endpoint === undefined || token_endpoint === undefined)
      throw new MillraceError("SERVICE_UNAVAILABLE", "The identity provider says no way to sign in.");
    const methods = metadata.token_endpoint_auth_methods_supported;
    const post = Array.isArray(methods) && !methods.includes("client_secret_basic");
    const auth = secret === null ? None() : post ? ClientSecretPost(secret) : ClientSecretBasic(secret);
    const config = new Configuration({ ...metadata, authorization_endpoint, token_endpoint }, clientId, {}, auth);
    config.timeout = 10;
    // To this machine alone: other addresses without TLS are no provider's.
    if (provider.issuer.startsWith("http:")) allowInsecureRequests(config);
    return config;
  }

  return {
    name: settings.oidc_name,

    async begin(callback, returnTo) {
      const config = await configuration(provider, clientId);
      const pending = {
        state: randomState(),
        nonce: randomNonce(),
        verifier: randomPKCECodeVerifier(),
        callback,
        return_to: returnPath(returnTo),
      };
      const location = buildAuthorizationUrl(config, {
        redirect_uri: callback,
        scope: settings.oidc_login_scopes,
        state: pending.state,
        nonce: pending.nonce,
        code_challenge: await calculatePKCECodeChallenge(pending.verifier),
        code_challenge_method: "S256",
      });
      const state = await new EncryptJWT(pending)
        .setProtectedHeader({ alg: "dir", enc: "A256GCM" })
        .setExpirationTime(`${LOGIN_SECONDS}s`)
        .encrypt(await key());
      return { location: location.href, state };
    },

    async finish(callbackUrl, state) {
      const pending = await readPending(state, await key());
      const returnTo = returnPath(pending?.return_to);
      if (pending === null || callbackUrl.searchParams.get("state") !== pending.state)
        throw new LoginRefused("expired", returnTo);
      try {
        const config = await configuration(provider, clientId);
        const url = new URL(pending.callback);
        url.search = callbackUrl.search;
        const tokens = await authorizationCodeGrant(config, url, {
          pkceCodeVerifier: pending.verifier,
          expectedState: pending.state,
          expectedNonce: pending.nonce,
          idTokenExpected: true,
        });
        const own = { ...settings, oidc_allowed_clients: [] };
        const claims = await verifyClaims(tokens.id_token ?? "", { provider, audience: clientId, settings: own });
        const principal = await withAccessToken(claims, tokens.access_token);
        if (principal.scopes.length === 0) throw new LoginRefused("no_access", returnTo, new Error(principal.id));
        return { principal, returnTo };
      } catch (error) {
        throw error instanceof LoginRefused ? error : new LoginRefused(failureOf(error), returnTo, error);
      }
    },
  };

  /** Some providers say in the access token alone what somebody may do. */
  async function withAccessToken(claims: JWTPayload & { sub: string }, token: string): Promise<Principal> {
    const principal = principalOf(claims, settings);
    if (principal.scopes.length > 0 || provider === null || audience === null) return principal;
    const more = await verifyClaims(token, { provider, audience, settings }).catch(() => null);
    return more === null || more.sub !== claims.sub ? principal : principalOf({ ...more, ...nameOf(claims) }, settings);
  }
}

function nameOf({ preferred_username, email, name }: JWTPayload): JWTPayload {
  return Object.fromEntries(
    Object.entries({ preferred_username, email, name }).filter(([, value]) => value !== undefined),
  );
}

async function readPending(state: string | null, key: Uint8Array): Promise<z.infer<typeof pendingSchema> | null> {
  if (state === null) return null;
  try {
    const { payload } = await jwtDecrypt(state, key, {
      keyManagementAlgorithms: ["dir"],
      contentEncryptionAlgorithms: ["A256GCM"],
      requiredClaims: ["exp"],
    });
    return pendingSchema.parse(payload);
  } catch {
    return null;
  }
}

function failureOf(error: unknown): LoginFailure {
  if (error instanceof AuthorizationResponseError) return "denied";
  if (error instanceof MillraceError && error.code === "FORBIDDEN") return "projects";
  if (error instanceof MillraceError && error.code === "SERVICE_UNAVAILABLE") return "unavailable";
  // The names under which a fetch fails.
  if (error instanceof Error && ["TimeoutError", "AbortError"].includes(error.name)) return "unavailable";
  return error instanceof TypeError && error.message === "fetch failed" ? "unavailable" : "refused";
}

function clientSecret(settings: IdentitySettings): string | null {
  const { oidc_client_secret: secret, oidc_client_secret_file: file } = settings;
  if (file === null) return secret;
  try {
    const text = readFileSync(file, "utf8").trim();
    if (text !== "") {
      knownSecrets.add("oidc_client_secret", text);
      return text;
    }
  } catch (cause) {
    throw new MillraceError("SETTING_INVALID", `oidc_client_secret_file: ${file} cannot be read.`, { cause });
  }
  throw new MillraceError("SETTING_INVALID", `oidc_client_secret_file: ${file} is empty.`);
}
