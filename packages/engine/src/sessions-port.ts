import type { Scope } from "@millrace/protocol";

/** A login, as it is stored: what its cookie holds as a hash alone. */
export interface SessionRecord {
  /** SHA-256 of what the cookie holds, in hexadecimal: 256 random bits need no slower one. */
  readonly hash: string;
  /** Who is logged in: what they may do is what it was at the login. */
  readonly subject: { readonly id: string; readonly name: string };
  readonly project: string | null;
  readonly scopes: readonly Scope[];
  /** The API key that it was made from, and does not outlive; null where it was made in another way. */
  readonly keyId: string | null;
  /** Epoch ms, as all times here. */
  readonly createdAt: number;
  /** When it ends, whatever is done with it. */
  readonly expiresAt: number;
  /** When it ends unless it is used before. */
  readonly idleAt: number;
}

/** The logins of the dashboard. */
export interface SessionStore {
  create(session: SessionRecord): Promise<void>;
  /** One that has ended by its times is there until {@link prune} takes it. */
  get(hash: string): Promise<SessionRecord | null>;
  /** Puts off when it ends for want of use; never to an earlier time. */
  touch(hash: string, idleAt: number): Promise<void>;
  /** Ends it: false where there is none. */
  delete(hash: string): Promise<boolean>;
  /** Removes at most `limit` that have ended by their times at `now`; says how many. */
  prune(now: number, limit: number): Promise<number>;
}
