import { MillraceError } from "@millrace/protocol";
import { decodeJwt, decodeProtectedHeader, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import type { TokenVerifier } from "./access-control.ts";
import { principalOf } from "./claims.ts";
import type { IdentitySettings } from "./oidc-settings.ts";
import { Provider } from "./provider.ts";

/** Of asymmetric keys alone: with a shared secret, a public key could be taken for one. */
const ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
] as const;

/** What a token may call itself: not one for a logout, or for another purpose of the same provider. */
const TYPES: readonly unknown[] = [undefined, "jwt", "at+jwt", "application/at+jwt", "application/jwt"];

/** The longest token that is looked at, in bytes: the head of a request is no larger by default. */
export const MAX_TOKEN_BYTES = 16 * 1024;

/** Tokens without the id of their key are tried with so many at the most. */
const MAX_KEYS_TRIED = 8;

/**
 * Takes bearer tokens of the provider that the settings name; null where they name none, or no audience. `verify` throws
 * UNAUTHENTICATED with a description that may be told to whoever sent the token, and the reason for a log as its cause;
 * SERVICE_UNAVAILABLE where the provider cannot be asked for its keys.
 */
export function openOidc(settings: IdentitySettings, provider = providerOf(settings)): TokenVerifier | null {
  const { oidc_audience: audience } = settings;
  if (provider === null || audience === null) return null;
  return {
    verify: async (token) => principalOf(await verifyClaims(token, { provider, audience, settings }), settings),
  };
}

/** The provider that the settings name. */
export function providerOf(settings: IdentitySettings): Provider | null {
  return settings.oidc_issuer === null ? null : new Provider(settings.oidc_issuer);
}

/** What a token must fit. */
export interface Expected {
  readonly provider: Provider;
  /** One of what the token has in `aud`. */
  readonly audience: string;
  readonly settings: Pick<IdentitySettings, "oidc_clock_tolerance" | "oidc_allowed_clients">;
}

/**
 * What a token says, once it is found to be good. What can be told without the provider's keys is told first: tokens of
 * anyone's making cost neither a signature nor a question.
 * @throws MillraceError UNAUTHENTICATED, SERVICE_UNAVAILABLE
 */
export async function verifyClaims(token: string, expected: Expected): Promise<JWTPayload & { sub: string }> {
  if (token.length > MAX_TOKEN_BYTES) throw refused("The token is too long.", `${token.length} characters`);
  try {
    checkHeader(decodeProtectedHeader(token));
    checkClaims(decodeJwt(token), expected);
    const claims = await withKeys(expected.provider, (keys) => verifySignature(token, keys));
    // Those of the text that was signed, though it is the same.
    return checkClaims(claims, expected);
  } catch (error) {
    if (error instanceof MillraceError) throw error;
    if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWSSignatureVerificationFailed)
      throw refused("The token's signature is not one of the identity provider.", error.message, error);
    throw refused("The token is not a well-formed one.", error instanceof Error ? error.message : String(error), error);
  }
}

function checkHeader(header: ReturnType<typeof decodeProtectedHeader>): void {
  if (!ALGORITHMS.some((each) => each === header.alg))
    throw refused("The token is signed in a way that is not taken.", `alg ${JSON.stringify(header.alg)}`);
  if (!TYPES.includes(typeof header.typ === "string" ? header.typ.toLowerCase() : header.typ))
    throw refused("The token is of a kind that opens nothing here.", `typ ${JSON.stringify(header.typ)}`);
}

function checkClaims(claims: JWTPayload, { provider, audience, settings }: Expected): JWTPayload & { sub: string } {
  const { iss, aud, sub, exp, nbf, iat, azp, client_id: clientId, cnf } = claims;
  const { oidc_clock_tolerance: tolerance, oidc_allowed_clients: clients } = settings;
  const now = Date.now() / 1000;
  if (iss !== provider.issuer) throw refused("The token is of another issuer.", `iss ${JSON.stringify(iss)}`);
  if (!(Array.isArray(aud) ? aud : [aud]).includes(audience))
    throw refused("The token is for another audience.", `aud ${JSON.stringify(aud)}`);
  if (!isTime(exp)) throw refused("The token does not say when it expires.", "exp");
  if (exp + tolerance <= now) throw refused("The token has expired.", `exp ${exp}`);
  if (nbf !== undefined && (!isTime(nbf) || nbf - tolerance > now))
    throw refused("The token is not valid yet.", `nbf ${nbf}`);
  if (iat !== undefined && (!isTime(iat) || iat - tolerance > now))
    throw refused("The token is not valid yet.", `iat ${iat}`);
  if (typeof sub !== "string" || sub === "") throw refused("The token does not say whose it is.", "sub");
  // Bound to a key that its bearer would have to show.
  if (cnf !== undefined) throw refused("The token is not a bearer token.", "cnf");
  const client = azp ?? clientId;
  if (clients.length > 0 && !(typeof client === "string" && clients.includes(client)))
    throw refused("The token was given to a client that is not allowed here.", `azp ${JSON.stringify(client)}`);
  return { ...claims, sub };
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

/** With the keys that are known; and where none of them fits, with newer ones. */
async function withKeys<T>(provider: Provider, use: (keys: JWTVerifyGetKey) => Promise<T>): Promise<T> {
  const keys = await provider.keys();
  try {
    return await use(keys);
  } catch (error) {
    if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
    const newer = await provider.newerKeys();
    if (newer === keys) throw error;
    return use(newer);
  }
}

async function verifySignature(token: string, keys: JWTVerifyGetKey): Promise<JWTPayload> {
  // Its times are looked at elsewhere, with words of their own.
  const options = { algorithms: [...ALGORITHMS], clockTolerance: Number.MAX_SAFE_INTEGER };
  try {
    return (await jwtVerify(token, keys, options)).payload;
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    let tried = 0;
    for await (const key of error) {
      tried += 1;
      if (tried > MAX_KEYS_TRIED) break;
      try {
        return (await jwtVerify(token, key, options)).payload;
      } catch (failure) {
        if (!(failure instanceof errors.JWSSignatureVerificationFailed)) throw failure;
      }
    }
    throw new errors.JWSSignatureVerificationFailed();
  }
}

/** `told` goes to whoever sent the token; `reason` says more, for a log, and nothing of it that is secret. */
function refused(told: string, reason: string, cause?: unknown): MillraceError {
  return new MillraceError("UNAUTHENTICATED", told, {
    cause: new Error(`bearer token refused: ${told} ${reason.slice(0, 200)}`, { cause }),
  });
}
