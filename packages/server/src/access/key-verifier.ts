import type { ApiKeyRecord, ApiKeys, Clock } from "@millrace/engine";
import type { Logger } from "pino";
import { isToldByStore } from "../told-by-store.ts";
import { hashOf, readApiKey, sameHash } from "./api-key.ts";
import { unauthenticated } from "./credentials.ts";
import type { Principal } from "./principal.ts";

/** For so long a key that was looked up is taken to be as it was, in milliseconds: other nodes revoke keys as well. */
const FRESH_MS = 1_000;

/**
 * For so long after its last look a key is taken to be as it was while the store does not answer, in milliseconds: metrics and
 * health are asked for just then, and whatever else there is to ask needs the store itself.
 */
const STALE_MS = 60 * 60_000;

/** A store that has not answered by then does not, in milliseconds: a scrape, and a probe, do not wait for longer. */
const PATIENCE_MS = 1_000;

/** Keys that are remembered. */
const REMEMBERED = 10_000;

/** A key's last use is noted so often, in milliseconds. */
const NOTE_USES_MS = 30_000;

/** Compared with where there is no such key, so that it takes as long. */
const NOBODY = hashOf("nobody");

/** What keys are checked with. */
export interface KeyVerifierParts {
  readonly apiKeys: ApiKeys;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What is known of a key. */
interface Known {
  /** When it was asked for. */
  at: number;
  record: Promise<ApiKeyRecord | null>;
  /** The last answer, and when it was asked for; null where there was none, or no such key. */
  last: { readonly record: ApiKeyRecord; readonly at: number } | null;
}

/** Says whose an API key is, and notes that it was used. */
export class KeyVerifier {
  readonly #parts: KeyVerifierParts;
  readonly #known = new Map<string, Known>();
  #uses = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;

  constructor(parts: KeyVerifierParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => void this.#noteUses(), NOTE_USES_MS).unref();
  }

  /** @throws MillraceError UNAUTHENTICATED; SERVICE_UNAVAILABLE where the store cannot be read */
  async verify(key: string): Promise<Principal> {
    const parts = readApiKey(key);
    const record = parts === null ? null : await this.#find(parts.id);
    // All of it in any case: how long it takes tells nothing of what is wrong.
    const same = sameHash(hashOf(parts?.secret ?? key), record?.secretHash ?? NOBODY);
    if (record === null || !same) throw unauthenticated("The API key is not one of this service.");
    const now = this.#parts.clock.now();
    const why = whyDead(record, now);
    if (why !== null) throw unauthenticated(`The API key ${why}.`);
    this.#uses.set(record.id, now);
    return principalOf(record);
  }

  /** The principal of a key that is still good; null where it is not. `principalId`: as in {@link Principal.id}. */
  async live(principalId: string): Promise<Principal | null> {
    const record = principalId.startsWith("key:") ? await this.#find(principalId.slice("key:".length)) : null;
    return record === null || whyDead(record, this.#parts.clock.now()) !== null ? null : principalOf(record);
  }

  /** Looks a key up anew when it is used next. */
  forget(id: string): void {
    this.#known.delete(id);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#noteUses();
  }

  #find(id: string): Promise<ApiKeyRecord | null> {
    const now = performance.now();
    const known = this.#known.get(id);
    if (known !== undefined && now - known.at < FRESH_MS) return known.record;
    const asked = this.#parts.apiKeys.get(id);
    const last = known?.last ?? null;
    const usable = last !== null && now - last.at < STALE_MS ? last.record : null;
    const entry: Known = { at: now, record: usable === null ? asked : orElse(asked, usable), last };
    // The oldest goes: junk ids must not take all memory.
    if (this.#known.size >= REMEMBERED) this.#known.delete(this.#known.keys().next().value ?? id);
    this.#known.delete(id);
    this.#known.set(id, entry);
    asked.then(
      (record) => {
        entry.last = record === null ? null : { record, at: now };
        entry.record = asked;
      },
      () => {
        // It is asked for again at the next use.
        entry.at = Number.NEGATIVE_INFINITY;
      },
    );
    return entry.record;
  }

  async #noteUses(): Promise<void> {
    const uses = this.#uses;
    if (uses.size === 0) return;
    this.#uses = new Map();
    try {
      await this.#parts.apiKeys.noteUses(uses);
    } catch (error) {
      if (!isToldByStore(error)) this.#parts.log.warn({ err: error }, "the last use of keys could not be noted");
    }
  }
}

/** An answer, or where there is none in time, `otherwise`. */
async function orElse(asked: Promise<ApiKeyRecord | null>, otherwise: ApiKeyRecord): Promise<ApiKeyRecord | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<ApiKeyRecord>((resolve) => {
    timer = setTimeout(resolve, PATIENCE_MS, otherwise);
  });
  try {
    return await Promise.race([asked, late]);
  } catch {
    return otherwise;
  } finally {
    clearTimeout(timer);
  }
}

function whyDead({ revokedAt, expiresAt }: ApiKeyRecord, now: number): string | null {
  if (revokedAt !== null) return "was revoked";
  return expiresAt !== null && expiresAt <= now ? "has expired" : null;
}

function principalOf({ id, name, project, scopes, expiresAt }: ApiKeyRecord): Principal {
  return { kind: "key", id: `key:${id}`, name, project, scopes, executionId: null, expiresAt };
}
