import { MillraceError } from "@millrace/protocol";
import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";
import { z } from "zod";
import { isProviderUrl } from "./oidc-settings.ts";

/** What there is to know of a provider. */
export interface ProviderMetadata {
  readonly issuer: string;
  readonly jwks_uri: string;
  readonly authorization_endpoint?: string | undefined;
  readonly token_endpoint?: string | undefined;
}

const url = z.string().refine(isProviderUrl);

const metadataSchema = z.looseObject({
  issuer: z.string(),
  jwks_uri: url,
  authorization_endpoint: url.optional(),
  token_endpoint: url.optional(),
});

const keysSchema = z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })).max(1000) });

/** How often a provider is asked, in milliseconds. */
export interface ProviderTimes {
  /** For how long keys are good without a look. */
  readonly fresh: number;
  /** For how long keys are good where the provider does not answer. */
  readonly stale: number;
  /** The least time between two looks for a key that is not there: tokens of anyone's making ask for such keys. */
  readonly unknownKey: number;
  /** The least time between two looks where the first failed. */
  readonly failed: number;
  /** The longest that an answer may take. */
  readonly timeout: number;
}

const TIMES: ProviderTimes = { fresh: 600_000, stale: 3_600_000, unknownKey: 30_000, failed: 5_000, timeout: 5_000 };

/** The largest answer that is read, in bytes: a hundred keys take a tenth of it. */
const MAX_ANSWER_BYTES = 1024 * 1024;

/**
 * An OpenID Connect provider: its discovery document and its keys, asked for when they are first needed, and kept. No
 * other URLs are asked than the document's own and the one that it names for the keys, and redirects are not followed.
 */
export class Provider {
  readonly issuer: string;
  readonly #times: ProviderTimes;
  readonly #now: () => number;
  readonly #metadata: Kept<z.infer<typeof metadataSchema>>;
  readonly #keys: Kept<JWTVerifyGetKey>;

  constructor(issuer: string, options: { readonly times?: Partial<ProviderTimes>; readonly now?: () => number } = {}) {
    this.issuer = issuer;
    this.#times = { ...TIMES, ...options.times };
    this.#now = options.now ?? Date.now;
    this.#metadata = new Kept(() => this.#discover(), this.#times, this.#now);
    this.#keys = new Kept(() => this.#fetchKeys(), this.#times, this.#now);
  }

  /** @throws MillraceError SERVICE_UNAVAILABLE where the provider does not answer, or not as one */
  metadata(): Promise<z.infer<typeof metadataSchema>> {
    return this.#metadata.get();
  }

  /** What finds the key of a token. @throws MillraceError SERVICE_UNAVAILABLE */
  keys(): Promise<JWTVerifyGetKey> {
    return this.#keys.get();
  }

  /** The same, after a look for new ones, where the last is long enough ago. @throws MillraceError SERVICE_UNAVAILABLE */
  newerKeys(): Promise<JWTVerifyGetKey> {
    return this.#keys.getNewer(this.#times.unknownKey);
  }

  async #discover(): Promise<z.infer<typeof metadataSchema>> {
    const address = `${this.issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
    const found = metadataSchema.safeParse(await this.#fetchJson(address));
    if (!found.success) throw new Error(`${address} is no discovery document: ${z.prettifyError(found.error)}`);
    if (found.data.issuer !== this.issuer)
      throw new Error(`${address} is of the issuer ${found.data.issuer}: oidc_issuer must be exactly this`);
    return found.data;
  }

  async #fetchKeys(): Promise<JWTVerifyGetKey> {
    const { jwks_uri: address } = await this.#metadata.get();
    const found = keysSchema.safeParse(await this.#fetchJson(address));
    if (!found.success) throw new Error(`${address} is no set of keys: ${z.prettifyError(found.error)}`);
    // Whether a key is a good one is seen when a token names it.
    return createLocalJWKSet(found.data as JSONWebKeySet);
  }

  async #fetchJson(address: string): Promise<unknown> {
    const signal = AbortSignal.timeout(this.#times.timeout);
    const response = await fetch(address, { redirect: "error", signal, headers: { accept: "application/json" } });
    if (response.status !== 200) throw new Error(`${address} answered ${response.status}`);
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const part of response.body ?? []) {
      size += part.length;
      if (size > MAX_ANSWER_BYTES) throw new Error(`${address} answered more than ${MAX_ANSWER_BYTES} bytes`);
      parts.push(part);
    }
    return JSON.parse(Buffer.concat(parts).toString("utf8"));
  }
}

/**
 * What was fetched. Empty, it is fetched for all who wait for it, once; later, whoever comes after `fresh` gets what is
 * there while it is fetched anew; after `stale`, nobody gets it any more. A fetch that failed is not done again for a while.
 */
class Kept<T> {
  readonly #fetch: () => Promise<T>;
  readonly #times: ProviderTimes;
  readonly #now: () => number;
  #value: { readonly it: T; readonly at: number } | null = null;
  #failure: { readonly error: unknown; readonly at: number } | null = null;
  #pending: Promise<T> | null = null;

  constructor(fetch: () => Promise<T>, times: ProviderTimes, now: () => number) {
    this.#fetch = fetch;
    this.#times = times;
    this.#now = now;
  }

  async get(): Promise<T> {
    const value = this.#value;
    const age = value === null ? Number.POSITIVE_INFINITY : this.#now() - value.at;
    if (value === null || age > this.#times.stale) return this.#refresh();
    if (age > this.#times.fresh) this.#refresh().catch(() => {});
    return value.it;
  }

  async getNewer(after: number): Promise<T> {
    const value = this.#value;
    return value !== null && this.#now() - value.at < after ? value.it : this.#refresh();
  }

  #refresh(): Promise<T> {
    if (this.#pending !== null) return this.#pending;
    const failure = this.#failure;
    if (failure !== null && this.#now() - failure.at < this.#times.failed)
      return Promise.reject(unavailable(failure.error));
    const pending = this.#fetch().then(
      (it) => {
        this.#value = { it, at: this.#now() };
        this.#failure = null;
        return it;
      },
      (error: unknown) => {
        this.#failure = { error, at: this.#now() };
        throw unavailable(error);
      },
    );
    this.#pending = pending;
    const done = () => {
      this.#pending = null;
    };
    pending.then(done, done);
    return pending;
  }
}

function unavailable(error: unknown): MillraceError {
  if (error instanceof MillraceError) return error;
  return new MillraceError(
    "SERVICE_UNAVAILABLE",
    "The identity provider cannot be asked at present. Try again shortly.",
    {
      cause: error,
    },
  );
}
