import type { ApiKeyFilter, ApiKeyRecord, ApiKeys, Clock, Ids, Page } from "@millrace/engine";
import {
  type ApiKey,
  type ApiKeyWithSecret,
  includesScope,
  MillraceError,
  SCOPES,
  type Scope,
} from "@millrace/protocol";
import { newSecret, writeApiKey } from "./api-key.ts";
import type { Principal } from "./principal.ts";

/** What keys are managed with. */
export interface ManageKeysParts {
  readonly apiKeys: ApiKeys;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Told of a key that opens nothing any more (null), or nothing from `until` on, in epoch ms. */
  readonly changed: (id: string, until: number | null) => void;
}

/** A key that is to be made. */
export interface WantedKey {
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** Null: all projects. */
  readonly project: string | null;
  /** Epoch ms; null: never. */
  readonly expiresAt: number | null;
}

/** Makes, rotates and revokes API keys, as far as who asks may. */
export class ManageKeys {
  readonly #parts: ManageKeysParts;

  constructor(parts: ManageKeysParts) {
    this.#parts = parts;
  }

  /** @throws MillraceError FORBIDDEN where the key would open more than who makes it may */
  async create(by: Principal, wanted: WantedKey): Promise<ApiKeyWithSecret> {
    const { apiKeys, clock, ids } = this.#parts;
    if (by.project !== null && wanted.project !== by.project) {
      throw new MillraceError(
        "FORBIDDEN",
        `A credential of the project ${by.project} makes keys of that project alone.`,
      );
    }
    const { secret, hash } = newSecret();
    const record: ApiKeyRecord = {
      ...wanted,
      // Each includes those before it.
      scopes: SCOPES.filter((scope) => wanted.scopes.includes(scope)),
      id: ids.uuid(),
      secretHash: hash,
      createdAt: clock.now(),
      createdBy: by.name,
      lastUsedAt: null,
      revokedAt: null,
      rotatedTo: null,
    };
    await apiKeys.create(record);
    return { ...showKey(record), secret: writeApiKey(record.id, secret) };
  }

  list(by: Principal, { project, ...page }: ApiKeyFilter): Promise<Page<ApiKeyRecord>> {
    const seen = by.project ?? project;
    return this.#parts.apiKeys.list({ ...page, ...(seen === undefined ? {} : { project: seen }) });
  }

  /** @throws MillraceError KEY_NOT_FOUND, also where it is of another project */
  async get(by: Principal, id: string): Promise<ApiKeyRecord> {
    const record = await this.#parts.apiKeys.get(id);
    if (record === null || (by.project !== null && record.project !== by.project)) {
      throw new MillraceError("KEY_NOT_FOUND", `There is no API key "${id.slice(0, 128)}".`);
    }
    return record;
  }

  /**
   * Makes a key that takes another's place; the other goes on for `overlapMs`, and no longer than it would have.
   * @throws MillraceError KEY_NOT_FOUND; KEY_NOT_LIVE where it was revoked, has expired or was rotated before
   */
  async rotate(by: Principal, id: string, overlapMs: number): Promise<ApiKeyWithSecret> {
    const { apiKeys, clock, ids, changed } = this.#parts;
    const old = await this.get(by, id);
    const now = clock.now();
    const { secret, hash } = newSecret();
    const replacement: ApiKeyRecord = {
      ...old,
      id: ids.uuid(),
      secretHash: hash,
      createdAt: now,
      createdBy: by.name,
      // As long a life as the one before.
      expiresAt: old.expiresAt === null ? null : now + (old.expiresAt - old.createdAt),
      lastUsedAt: null,
      revokedAt: null,
      rotatedTo: null,
    };
    const until = now + overlapMs;
    if (!(await apiKeys.rotate(id, replacement, until))) {
      throw new MillraceError("KEY_NOT_LIVE", "The API key was revoked, has expired, or was rotated before.");
    }
    changed(id, until);
    return { ...showKey(replacement), secret: writeApiKey(replacement.id, secret) };
  }

  /** @throws MillraceError KEY_NOT_FOUND, also where it was revoked before */
  async revoke(by: Principal, id: string): Promise<void> {
    const { apiKeys, clock, changed } = this.#parts;
    await this.get(by, id);
    if (!(await apiKeys.revoke(id, clock.now()))) {
      throw new MillraceError("KEY_NOT_FOUND", "The API key was revoked before.");
    }
    changed(id, null);
  }
}

/** A key as the API shows it. */
export function showKey(record: ApiKeyRecord): ApiKey {
  const time = (at: number | null) => (at === null ? null : new Date(at).toISOString());
  return {
    id: record.id,
    name: record.name,
    project: record.project,
    scopes: SCOPES.filter((scope) => includesScope(record.scopes, scope)),
    created_at: new Date(record.createdAt).toISOString(),
    created_by: record.createdBy,
    expires_at: time(record.expiresAt),
    last_used_at: time(record.lastUsedAt),
    revoked_at: time(record.revokedAt),
    rotated_to: record.rotatedTo,
  };
}
