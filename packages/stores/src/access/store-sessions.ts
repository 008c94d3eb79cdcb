import type { SessionRecord, SessionStore } from "@millrace/engine";
import { scopeSchema } from "@millrace/protocol";
import { z } from "zod";
import { ask, type Row, type Scripts } from "../triggers/script.ts";

/** What of a session is in no column of its own. */
const dataSchema = z.object({
  subject: z.object({ id: z.string(), name: z.string() }),
  project: z.string().nullable(),
  scopes: z.array(scopeSchema),
  keyId: z.string().nullable(),
  createdAt: z.number(),
});

/** Sessions, over either database. */
export class StoreSessions implements SessionStore {
  readonly #scripts: Scripts;

  constructor(scripts: Scripts) {
    this.#scripts = scripts;
  }

  create(session: SessionRecord): Promise<void> {
    const { hash, expiresAt, idleAt, ...data } = session;
    return this.#scripts.write(function* () {
      yield* ask("INSERT INTO sessions (hash, expires_at, idle_at, data) VALUES ($1, $2, $3, $4)", [
        hash,
        expiresAt,
        idleAt,
        JSON.stringify(data),
      ]);
    });
  }

  get(hash: string): Promise<SessionRecord | null> {
    return this.#scripts.read(function* () {
      const [row] = yield* ask("SELECT hash, expires_at, idle_at, data FROM sessions WHERE hash = $1", [hash]);
      return row === undefined ? null : toSession(row);
    });
  }

  touch(hash: string, idleAt: number): Promise<void> {
    return this.#scripts.write(function* () {
      yield* ask("UPDATE sessions SET idle_at = $1 WHERE hash = $2 AND idle_at < $3", [idleAt, hash, idleAt]);
    });
  }

  delete(hash: string): Promise<boolean> {
    return this.#scripts.write(function* () {
      return (yield* ask("DELETE FROM sessions WHERE hash = $1 RETURNING hash", [hash])).length > 0;
    });
  }

  prune(now: number, limit: number): Promise<number> {
    return this.#scripts.write(function* () {
      const removed = yield* ask(
        "DELETE FROM sessions WHERE hash IN (SELECT hash FROM sessions WHERE expires_at <= $1 OR idle_at <= $2 LIMIT $3) RETURNING hash",
        [now, now, limit],
      );
      return removed.length;
    });
  }
}

function toSession(row: Row): SessionRecord {
  return {
    hash: String(row.hash),
    expiresAt: Number(row.expires_at),
    idleAt: Number(row.idle_at),
    ...dataSchema.parse(JSON.parse(String(row.data))),
  };
}
