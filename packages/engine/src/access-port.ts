import type { Scope } from "@millrace/protocol";
import type { Page } from "./ports.ts";

/** An API key, as it is stored: its secret as a hash alone. */
export interface ApiKeyRecord {
  readonly id: string;
  readonly name: string;
  /** The one project that it opens; null: all of them. */
  readonly project: string | null;
  readonly scopes: readonly Scope[];
  /** SHA-256 of its secret, in hexadecimal: a secret of 256 random bits needs no slower one. */
  readonly secretHash: string;
  /** Epoch ms. */
  readonly createdAt: number;
  /** Who made it, for a person. */
  readonly createdBy: string;
  /** Epoch ms from which it opens nothing; null: never. */
  readonly expiresAt: number | null;
  /** Epoch ms, at most a minute behind; null where it was never used. */
  readonly lastUsedAt: number | null;
  /** Epoch ms from which it opens nothing, whatever {@link expiresAt} says; null where it was not revoked. */
  readonly revokedAt: number | null;
  /** The key that takes its place; null where there is none. */
  readonly rotatedTo: string | null;
}

/** Which keys are meant. */
export interface ApiKeyFilter {
  /** Only those of this project; null: only those of all projects. */
  readonly project?: string | null;
  readonly limit: number;
  readonly offset: number;
}

/** The keys that open the API. */
export interface ApiKeys {
  create(key: ApiKeyRecord): Promise<void>;
  get(id: string): Promise<ApiKeyRecord | null>;
  /** The newest first. */
  list(filter: ApiKeyFilter): Promise<Page<ApiKeyRecord>>;
  /** How many open something at `now` (epoch ms). */
  countLive(now: number): Promise<number>;
  /** False where there is none that is not revoked. */
  revoke(id: string, at: number): Promise<boolean>;
  /**
   * Stores the key that takes another's place, which is good until `expiresAt` (epoch ms) and no longer than it was. False
   * where the other is not there, revoked, expired at `replacement.createdAt`, or was rotated before: nothing is stored.
   */
  rotate(id: string, replacement: ApiKeyRecord, expiresAt: number): Promise<boolean>;
  /** Notes when keys were last used, in epoch ms by id. */
  noteUses(uses: ReadonlyMap<string, number>): Promise<void>;
}

/** What somebody did, or was not let do. */
export interface AuditEntry {
  readonly id: string;
  /** Epoch ms. */
  readonly at: number;
  readonly actor: { readonly kind: string; readonly id: string; readonly name: string };
  /** As `config.create`. */
  readonly action: string;
  /** What it was done to; null where that is no single thing. */
  readonly target: { readonly kind: string; readonly id: string } | null;
  /** The project that it was done in; null: none, or all. */
  readonly project: string | null;
  /** `allowed`: it was done. `denied`: by access control. `failed`: for another reason. */
  readonly outcome: "allowed" | "denied" | "failed";
  /** Of the HTTP answer. */
  readonly status: number;
  readonly requestId: string;
  /** Of the client; null where it is not known. */
  readonly address: string | null;
  /** How many of the same kind this entry stands for: those that were denied are not written down one by one. */
  readonly count: number;
}

/** Which entries are meant: those that fit all that is given. */
export interface AuditFilter {
  /** An actor's id or name. */
  readonly actor?: string;
  /** An action, or the beginning of some up to a dot, as `config`. */
  readonly action?: string;
  readonly project?: string;
  readonly outcome?: AuditEntry["outcome"];
  /** Epoch ms, inclusive. */
  readonly from?: number;
  /** Epoch ms, exclusive. */
  readonly to?: number;
  readonly limit: number;
  readonly offset: number;
}

/** Who did what. */
export interface AuditLog {
  append(entries: readonly AuditEntry[]): Promise<void>;
  /** The newest first. */
  list(filter: AuditFilter): Promise<Page<AuditEntry>>;
  /** Removes at most `limit` entries from before `before` (epoch ms); says how many. */
  prune(before: number, limit: number): Promise<number>;
}

/** What the service signs with: the same for all its nodes, and in no backup. */
export interface ServiceSecrets {
  /** The secret of this name; the first time that is asked for it, the one given. */
  obtain(name: string, fresh: string): Promise<string>;
}
