import type { DatabaseSync } from "node:sqlite";
import type { OverExecution } from "@millrace/engine";
import type { Committer } from "./committer.ts";
import { KEEP_POSITION } from "./database.ts";
import type { ExecutionKeys } from "./execution-keys.ts";
import { KeptRows, ROW_BYTES } from "./kept-rows.ts";

/** Rows that are measured between two turns of the event loop. */
const MEASURED_AT_ONCE = 2_000;

/**
 * What goes, and what is left of it, in SQLite. A deletion is first a move of the execution's record to `deletions`: one
 * small commit, after which nobody finds it. Then its rows go, some per commit, and its place in `deletions` with the
 * last of them: whatever happens in between is taken up from there.
 */
export class SqliteRetention {
  readonly #committer: Committer;
  readonly #keys: ExecutionKeys;
  readonly #database: DatabaseSync;
  readonly #kept: KeptRows;
  readonly #sql;

  constructor(database: DatabaseSync, committer: Committer, keys: ExecutionKeys) {
    this.#database = database;
    this.#committer = committer;
    this.#keys = keys;
    this.#kept = new KeptRows(database, committer);
    this.#sql = {
      keepPosition: database.prepare(KEEP_POSITION),
      remember: database.prepare("INSERT INTO deletions (key, id) VALUES (?, ?)"),
      deleteExecution: database.prepare("DELETE FROM executions WHERE key = ?"),
      deleted: database.prepare("SELECT DISTINCT id FROM deletions ORDER BY key LIMIT ?"),
      deletedKey: database.prepare("SELECT key FROM deletions WHERE id = ? ORDER BY key LIMIT 1"),
      journal: database.prepare(
        "SELECT last, octet_length(frames) AS bytes FROM journal WHERE execution_key = ? ORDER BY last",
      ),
      journalFrom: database.prepare(
        "SELECT last, octet_length(frames) AS bytes FROM journal WHERE execution_key = ? AND last > ? ORDER BY last LIMIT ?",
      ),
      deleteJournal: database.prepare("DELETE FROM journal WHERE execution_key = ? AND last <= ?"),
      failed: database.prepare(
        "SELECT seq, octet_length(payload) AS bytes FROM messages WHERE execution_key = ? AND error IS NOT NULL",
      ),
      failedFrom: database.prepare(
        "SELECT seq, octet_length(payload) + octet_length(error) AS bytes FROM messages WHERE execution_key = ? AND error IS NOT NULL AND seq > ? ORDER BY seq LIMIT ?",
      ),
      objects: database.prepare(
        "SELECT position, octet_length(key) AS bytes FROM objects WHERE execution_key = ? ORDER BY position",
      ),
      objectsFrom: database.prepare(
        "SELECT position, octet_length(key) + octet_length(content_type) + 200 AS bytes FROM objects WHERE execution_key = ? AND position > ? ORDER BY position LIMIT ?",
      ),
      deleteObjects: database.prepare("DELETE FROM objects WHERE execution_key = ? AND position <= ?"),
      deleteMessage: database.prepare("DELETE FROM messages WHERE seq = ?"),
      forget: database.prepare("DELETE FROM deletions WHERE key = ?"),
      toTrim: database.prepare(
        "SELECT id FROM executions WHERE status NOT IN ('running', 'interrupted') AND has_events = 1 AND completed_at < ? AND (EXISTS (SELECT 1 FROM journal WHERE execution_key = executions.key AND lifecycle IS NULL) OR EXISTS (SELECT 1 FROM messages WHERE execution_key = executions.key AND settled = 1) OR EXISTS (SELECT 1 FROM messages WHERE execution_key = executions.key AND error IS NULL AND settled = 0)) ORDER BY completed_at LIMIT ?",
      ),
      over: database.prepare(
        "SELECT id, completed_at, bytes FROM executions WHERE status NOT IN ('running', 'interrupted') ORDER BY completed_at, key LIMIT ?",
      ),
      totals: database.prepare(
        "SELECT count(*) AS count, coalesce(sum(bytes), 0) AS bytes FROM executions WHERE status NOT IN ('running', 'interrupted')",
      ),
      unmeasured: database.prepare(
        "SELECT id FROM executions WHERE status NOT IN ('running', 'interrupted') AND bytes IS NULL ORDER BY completed_at LIMIT ?",
      ),
      record: database.prepare(
        "SELECT octet_length(config_snapshot) + octet_length(metadata) + coalesce(octet_length(progress), 0) AS bytes FROM executions WHERE key = ?",
      ),
      measured: database.prepare("UPDATE executions SET bytes = ? WHERE key = ?"),
      freePages: database.prepare("PRAGMA freelist_count"),
      pageSize: database.prepare("PRAGMA page_size"),
      autoVacuum: database.prepare("PRAGMA auto_vacuum"),
    };
  }

  delete(id: string): Promise<boolean> {
    return this.#committer.submit(
      (group) => {
        const key = this.#keys.find(id);
        if (key === null) return false;
        group.drop(id);
        this.#sql.keepPosition.run(group.position);
        this.#sql.remember.run(key, id);
        this.#sql.deleteExecution.run(key);
        this.#keys.forget(id);
        return true;
      },
      { patient: false, weight: 0 },
    );
  }

  deleted(limit: number): Promise<string[]> {
    return this.#committer.read(() => this.#sql.deleted.all(limit).map((row) => String(row.id)));
  }

  purge(id: string, maxBytes: number): Promise<boolean> {
    return this.#committer.submit(
      (group) => {
        const key = this.#sql.deletedKey.get(id)?.key;
        if (typeof key !== "number") return true;
        let bytes = 0;
        const seqs: number[] = [];
        for (const row of this.#sql.failed.iterate(key)) {
          seqs.push(Number(row.seq));
          // A row has its costs however small it is.
          bytes += Number(row.bytes) + ROW_BYTES;
          if (bytes >= maxBytes) break;
        }
        for (const seq of seqs) this.#sql.deleteMessage.run(seq);
        if (bytes < maxBytes) bytes += this.#kept.remove(key, maxBytes - bytes).bytes;
        if (bytes >= maxBytes) return false;
        for (const [rows, column, remove] of [
          [this.#sql.objects, "position", this.#sql.deleteObjects],
          [this.#sql.journal, "last", this.#sql.deleteJournal],
        ] as const) {
          let last: number | null = null;
          for (const row of rows.iterate(key)) {
            last = Number(row[column]);
            bytes += Number(row.bytes ?? 0) + ROW_BYTES;
            if (bytes >= maxBytes) break;
          }
          if (last !== null) {
            this.#sql.keepPosition.run(group.position);
            remove.run(key, last);
          }
          if (bytes >= maxBytes) return false;
        }
        this.#sql.forget.run(key);
        // An id may have been used again, and deleted again.
        return this.#sql.deletedKey.get(id) === undefined;
      },
      { patient: false, weight: 0 },
    );
  }

  toTrim(completedBefore: string, limit: number): Promise<string[]> {
    const before = new Date(completedBefore).toISOString();
    return this.#committer.read(() => this.#sql.toTrim.all(before, limit).map((row) => String(row.id)));
  }

  over(limit: number): Promise<OverExecution[]> {
    return this.#committer.read(() =>
      this.#sql.over.all(limit).map((row) => ({
        id: String(row.id),
        completedAt: String(row.completed_at),
        bytes: row.bytes === null ? null : Number(row.bytes),
      })),
    );
  }

  totals(): Promise<{ count: number; bytes: number }> {
    return this.#committer.read(() => {
      const row = this.#sql.totals.get();
      return { count: Number(row?.count), bytes: Number(row?.bytes) };
    });
  }

  unmeasured(limit: number): Promise<string[]> {
    return this.#committer.read(() => this.#sql.unmeasured.all(limit).map((row) => String(row.id)));
  }

  async measure(id: string, objectBytes: number): Promise<void> {
    const key = await this.#committer.read(() => this.#keys.find(id));
    if (key === null) return;
    let bytes = objectBytes + (await this.#kept.measure(key));
    for (const [rows, column] of [
      [this.#sql.journalFrom, "last"],
      [this.#sql.failedFrom, "seq"],
      [this.#sql.objectsFrom, "position"],
    ] as const) {
      for (let after = 0; ; ) {
        const page = await this.#committer.read(() => rows.all(key, after, MEASURED_AT_ONCE));
        for (const row of page) bytes += Number(row.bytes ?? 0) + ROW_BYTES;
        if (page.length < MEASURED_AT_ONCE) break;
        after = Number(page.at(-1)?.[column]);
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    await this.#committer.submit(
      () => {
        const record = this.#sql.record.get(key);
        if (record !== undefined) this.#sql.measured.run(bytes + Number(record.bytes), key);
      },
      { patient: false, weight: 0 },
    );
  }

  giveBack(maxBytes: number): Promise<boolean> {
    return this.#committer.submit(
      () => {
        if (Number(this.#sql.autoVacuum.get()?.auto_vacuum) !== INCREMENTAL) return true;
        const free = Number(this.#sql.freePages.get()?.freelist_count);
        const pages = Math.max(1, Math.floor(maxBytes / Number(this.#sql.pageSize.get()?.page_size)));
        // A row per page that is given back: `exec` would stop after the first.
        this.#database.prepare(`PRAGMA incremental_vacuum(${pages})`).all();
        return free <= pages;
      },
      { patient: false, weight: 0 },
    );
  }
}

/** Of `PRAGMA auto_vacuum`. */
const INCREMENTAL = 2;
