import type { ApiKeyFilter, ApiKeyRecord, ApiKeys, Page } from "@millrace/engine";
import { scopeSchema } from "@millrace/protocol";
import { z } from "zod";
import { ask, number, type Row, type Script, type Scripts, text } from "../triggers/script.ts";
import { isStorable, pageOf } from "../triggers/store-triggers.ts";

const COLUMNS = "id, project, expires_at, last_used_at, revoked_at, rotated_to, data";

/** What of a key is in no column of its own. */
const dataSchema = z.object({
  name: z.string(),
  scopes: z.array(scopeSchema),
  secretHash: z.string(),
  createdAt: z.number(),
  createdBy: z.string(),
});

/** API keys, over either database. */
export class StoreApiKeys implements ApiKeys {
  readonly #scripts: Scripts;

  constructor(scripts: Scripts) {
    this.#scripts = scripts;
  }

  create(key: ApiKeyRecord): Promise<void> {
    return this.#scripts.write(() => insert(key));
  }

  async get(id: string): Promise<ApiKeyRecord | null> {
    if (!isStorable(id)) return null;
    return this.#scripts.read(function* () {
      const [row] = yield* ask(`SELECT ${COLUMNS} FROM api_keys WHERE id = $1`, [id]);
      return row === undefined ? null : toKey(row);
    });
  }

  async list({ project, limit, offset }: ApiKeyFilter): Promise<Page<ApiKeyRecord>> {
    const [where, values] =
      project === undefined
        ? ["", []]
        : project === null
          ? [" WHERE project IS NULL", []]
          : [" WHERE project = $1", [project]];
    return this.#scripts.read(() =>
      pageOf(`FROM api_keys${where}`, COLUMNS, "key DESC", values, { limit, offset }, toKey),
    );
  }

  countLive(now: number): Promise<number> {
    return this.#scripts.read(function* () {
      const [row] = yield* ask(
        "SELECT count(*) AS live FROM api_keys WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1)",
        [now],
      );
      return Number(row?.live);
    });
  }

  async revoke(id: string, at: number): Promise<boolean> {
    if (!isStorable(id)) return false;
    return this.#scripts.write(function* () {
      const revoked = yield* ask(
        "UPDATE api_keys SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL RETURNING id",
        [at, id],
      );
      return revoked.length > 0;
    });
  }

  async rotate(id: string, replacement: ApiKeyRecord, expiresAt: number): Promise<boolean> {
    if (!isStorable(id)) return false;
    return this.#scripts.write(function* () {
      // By one statement, so that of two at once one does it.
      const rotated = yield* ask(
        "UPDATE api_keys SET rotated_to = $1, expires_at = CASE WHEN expires_at < $2 THEN expires_at ELSE $3 END WHERE id = $4 AND revoked_at IS NULL AND rotated_to IS NULL AND (expires_at IS NULL OR expires_at > $5) RETURNING id",
        [replacement.id, expiresAt, expiresAt, id, replacement.createdAt],
      );
      if (rotated.length === 0) return false;
      yield* insert(replacement);
      return true;
    });
  }

  noteUses(uses: ReadonlyMap<string, number>): Promise<void> {
    return this.#scripts.write(function* () {
      for (const [id, at] of uses) {
        yield* ask(
          "UPDATE api_keys SET last_used_at = $1 WHERE id = $2 AND (last_used_at IS NULL OR last_used_at < $3)",
          [at, id, at],
        );
      }
    });
  }
}

function* insert(key: ApiKeyRecord): Script<void> {
  const { name, scopes, secretHash, createdAt, createdBy } = key;
  yield* ask(
    "INSERT INTO api_keys (id, project, expires_at, last_used_at, revoked_at, rotated_to, data) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    [
      key.id,
      key.project,
      key.expiresAt,
      key.lastUsedAt,
      key.revokedAt,
      key.rotatedTo,
      JSON.stringify({ name, scopes: [...scopes], secretHash, createdAt, createdBy } satisfies z.input<
        typeof dataSchema
      >),
    ],
  );
}

function toKey(row: Row): ApiKeyRecord {
  return {
    id: String(row.id),
    project: text(row.project),
    expiresAt: number(row.expires_at),
    lastUsedAt: number(row.last_used_at),
    revokedAt: number(row.revoked_at),
    rotatedTo: text(row.rotated_to),
    ...dataSchema.parse(JSON.parse(String(row.data))),
  };
}
