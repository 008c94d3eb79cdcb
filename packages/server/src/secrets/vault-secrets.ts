import { readFile } from "node:fs/promises";
import { knownSecrets } from "@millrace/engine";
import {
  type ProviderHealth,
  placeOf,
  type Reading,
  type SecretProvider,
  type SecretScope,
} from "./secret-provider.ts";

/** How such a server is reached. */
export interface VaultSettings {
  /** `vault+https://host:8200/mount/path`, with `?namespace=` where there is one. */
  readonly url: string;
  readonly tokenFile: string | null;
  /** The token where there is no file. */
  readonly token: string | undefined;
  readonly ttlMs: number;
  /** Of a request. Default 5 s. */
  readonly timeoutMs?: number;
  now(): number;
}

/** While the server does not answer, what it answered last is used for so long, in milliseconds. */
const STALE_MS = 60 * 60 * 1000;

/** The pause before the server is asked again after a failure grows from the first to the second, in milliseconds. */
const PAUSES_MS = [500, 15_000] as const;

const TIMEOUT_MS = 5_000;

/** The largest answer that is read, in bytes. */
const MAX_BYTES = 1024 * 1024;

/** As it is called where everybody may read it: where it is concerns nobody. */
const SERVER = "the server of secrets_url";

/** What one scope has. */
interface Entry {
  readonly values: ReadonlyMap<string, string>;
  readonly at: number;
}

/** Why the server could not be asked. `refused`: it answered, and would not. */
class Away extends Error {
  override readonly name = "Away";
  readonly refused: boolean;

  constructor(message: string, refused = false) {
    super(message);
    this.refused = refused;
  }
}

/**
 * Secrets in a server that speaks the protocol of Vault's KV, version 2 (Vault, OpenBao). Each scope is an entry there,
 * below the path, whose keys are the names: one request brings them all. What it answered is used for `ttlMs`; while it
 * does not answer, for an hour; once it refuses the token, no longer.
 */
export class VaultSecrets implements SecretProvider {
  readonly #settings: VaultSettings;
  readonly #base: string;
  readonly #namespace: string | null;
  readonly #entries = new Map<string, Entry>();
  readonly #asking = new Map<string, Promise<Entry>>();
  #failure: { readonly away: Away; readonly until: number; readonly pauseMs: number } | null = null;

  constructor(settings: VaultSettings) {
    this.#settings = settings;
    const url = new URL(settings.url.replace(/^vault\+/, ""));
    const [mount = "", ...path] = url.pathname.split("/").filter((part) => part !== "");
    this.#base = [`${url.origin}/v1/${mount}/data`, ...path].join("/");
    this.#namespace = url.searchParams.get("namespace");
  }

  async read(scope: SecretScope, names: readonly string[]): Promise<ReadonlyMap<string, Reading>> {
    const found = new Map<string, Reading>();
    const place = placeOf(scope);
    if (place === null) return found;
    try {
      const { values } = await this.#entry(place);
      for (const name of names) {
        const value = values.get(name);
        if (value !== undefined) found.set(name, { value });
      }
    } catch (error) {
      if (!(error instanceof Away)) throw error;
      for (const name of names) found.set(name, { away: error.message });
    }
    return found;
  }

  health(): ProviderHealth {
    if (this.#failure === null) {
      const asked = this.#entries.size > 0;
      return { status: "healthy", detail: asked ? `${SERVER} answers` : `${SERVER} was not asked yet` };
    }
    return { status: "degraded", detail: this.#failure.away.message };
  }

  async #entry(place: string): Promise<Entry> {
    const now = this.#settings.now();
    const known = this.#entries.get(place);
    if (known !== undefined && now - known.at < this.#settings.ttlMs) return known;
    try {
      if (this.#failure !== null && now < this.#failure.until) throw this.#failure.away;
      return await this.#askOnce(place);
    } catch (error) {
      if (!(error instanceof Away)) throw error;
      if (known === undefined || error.refused || now - known.at > STALE_MS) throw error;
      return known;
    }
  }

  /** Those who need the same at once share a request. */
  #askOnce(place: string): Promise<Entry> {
    const known = this.#asking.get(place);
    if (known !== undefined) return known;
    const asking = this.#ask(place)
      .then(
        (values) => {
          const entry = { values, at: this.#settings.now() };
          this.#failure = null;
          this.#entries.set(place, entry);
          return entry;
        },
        (error: unknown) => {
          const away = error instanceof Away ? error : new Away(said("cannot be asked"));
          const [least, most] = PAUSES_MS;
          const pauseMs = Math.min(most, Math.max(least, 2 * (this.#failure?.pauseMs ?? 0)));
          this.#failure = { away, until: this.#settings.now() + pauseMs, pauseMs };
          if (away.refused) this.#entries.delete(place);
          throw away;
        },
      )
      .finally(() => this.#asking.delete(place));
    this.#asking.set(place, asking);
    return asking;
  }

  async #ask(place: string): Promise<ReadonlyMap<string, string>> {
    const headers: Record<string, string> = { "x-vault-token": await this.#token(), "x-vault-request": "true" };
    if (this.#namespace !== null) headers["x-vault-namespace"] = this.#namespace;
    const { timeoutMs = TIMEOUT_MS } = this.#settings;
    let status: number;
    let text: string;
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      // A redirect would take the token elsewhere.
      const answer = await fetch(`${this.#base}/${place}`, { headers, signal, redirect: "error" });
      status = answer.status;
      text = await readBounded(answer);
    } catch (error) {
      if (error instanceof Away) throw error;
      const late = error instanceof Error && error.name === "TimeoutError";
      throw new Away(
        said(late ? `did not answer within ${timeoutMs / 1000} s` : `cannot be reached: ${reason(error)}`),
      );
    }
    if (status === 404) return new Map();
    if (status === 401 || status === 403) throw new Away(said(`refuses the token (HTTP ${status})`), true);
    // What it says besides may say what it was sent.
    if (status !== 200) throw new Away(said(`answered HTTP ${status}`));
    const values = valuesOf(text);
    if (values === null) throw new Away(said("did not answer as a KV of version 2 does"));
    return values;
  }

  async #token(): Promise<string> {
    const { tokenFile, token: given } = this.#settings;
    let token = given ?? "";
    if (tokenFile !== null) {
      try {
        token = await readFile(tokenFile, "utf8");
      } catch (error) {
        const code = error instanceof Error && "code" in error ? error.code : error;
        throw new Away(`secrets_token_file cannot be read (${code})`, true);
      }
    }
    token = token.trim();
    if (!/^[\x21-\x7e]+$/.test(token)) {
      throw new Away(`${tokenFile === null ? "MILLRACE_SECRETS_TOKEN" : "secrets_token_file"} holds no token`, true);
    }
    knownSecrets.add("secrets_token", token);
    return token;
  }
}

function said(what: string): string {
  return `${SERVER} ${what}`;
}

async function readBounded(answer: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of answer.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BYTES) throw new Away(`${SERVER} answered with more than ${MAX_BYTES} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** The keys of an entry; those whose values are no texts are their JSON. Null where it is no entry. */
function valuesOf(text: string): ReadonlyMap<string, string> | null {
  try {
    const { data } = JSON.parse(text);
    const entry: unknown = data.data;
    if (typeof entry !== "object" || entry === null || Array.isArray(entry)) return null;
    return new Map(
      Object.entries(entry).map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]),
    );
  } catch {
    return null;
  }
}

function reason(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return String(cause);
  return "code" in cause && typeof cause.code === "string" ? cause.code : cause.message;
}
