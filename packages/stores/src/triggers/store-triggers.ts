import type { FiringEnd, FiringRecord, NewFiring, Page, TriggerKind, TriggerRecord, Triggers } from "@millrace/engine";
import { claimFiring, FIRING, fire, settleFiring, toFiring } from "./firings.ts";
import { ask, type Row, type Script, type Scripts, type Value } from "./script.ts";

/** Triggers and their firings, over either database. */
export class StoreTriggers implements Triggers {
  readonly #scripts: Scripts;

  constructor(scripts: Scripts) {
    this.#scripts = scripts;
  }

  create(trigger: TriggerRecord): Promise<boolean> {
    return this.#scripts.write(function* () {
      const columns = columnsOf(trigger);
      const made = yield* ask(
        "INSERT INTO triggers (id, config_id, kind, max_running, when_running, next_at, data, project) SELECT CAST($1 AS text), id, CAST($2 AS text), CAST($3 AS integer), CAST($4 AS text), CAST($5 AS bigint), CAST($6 AS text), project FROM configs WHERE id = $7 RETURNING key",
        [
          trigger.id,
          trigger.kind,
          columns.maxRunning,
          trigger.whenRunning,
          columns.nextAt,
          columns.data,
          trigger.configId,
        ],
      );
      return made.length > 0;
    });
  }

  update(trigger: TriggerRecord, expected: number): Promise<boolean> {
    return this.#scripts.write(function* () {
      const [known] = yield* ask("SELECT data, project FROM triggers WHERE id = $1", [trigger.id], "wait");
      if (known === undefined || toTrigger({ ...known, next_at: null }).updatedAt !== expected) return false;
      const columns = columnsOf(trigger);
      yield* ask("UPDATE triggers SET max_running = $1, when_running = $2, next_at = $3, data = $4 WHERE id = $5", [
        columns.maxRunning,
        trigger.whenRunning,
        columns.nextAt,
        columns.data,
        trigger.id,
      ]);
      return true;
    });
  }

  async delete(id: string): Promise<boolean> {
    if (!isStorable(id)) return false;
    return this.#scripts.write(function* () {
      return (yield* ask("DELETE FROM triggers WHERE id = $1 RETURNING id", [id])).length > 0;
    });
  }

  async get(id: string): Promise<TriggerRecord | null> {
    if (!isStorable(id)) return null;
    return this.#scripts.read(function* () {
      const [row] = yield* ask("SELECT data, next_at, project FROM triggers WHERE id = $1", [id]);
      return row === undefined ? null : toTrigger(row);
    });
  }

  async find(project: string | null, id: string): Promise<TriggerRecord | null> {
    if (project === null) return this.get(id);
    if (!isStorable(id)) return null;
    return this.#scripts.read(function* () {
      const sql = "SELECT data, next_at, project FROM triggers WHERE id = $1 AND project = $2";
      const [row] = yield* ask(sql, [id, project]);
      return row === undefined ? null : toTrigger(row);
    });
  }

  async list(filter: {
    readonly project: string | null;
    readonly configId?: string;
    readonly kind?: TriggerKind;
    readonly limit: number;
    readonly offset: number;
  }): Promise<Page<TriggerRecord>> {
    const { project, configId, kind, limit, offset } = filter;
    const where: string[] = [];
    const values: Value[] = [];
    const match = (column: string, value: string | undefined) => {
      if (value === undefined) return;
      values.push(value);
      where.push(`${column} = $${values.length}`);
    };
    if (configId !== undefined && !isStorable(configId)) return { total: 0, items: [] };
    match("project", project ?? undefined);
    match("config_id", configId);
    match("kind", kind);
    const from = `FROM triggers${where.length === 0 ? "" : ` WHERE ${where.join(" AND ")}`}`;
    return this.#scripts.read(() =>
      pageOf(from, "data, next_at, project", "key", values, { limit, offset }, toTrigger),
    );
  }

  due(now: number, limit: number): Promise<TriggerRecord[]> {
    return this.#scripts.read(function* () {
      const rows = yield* ask(
        "SELECT data, next_at, project FROM triggers WHERE next_at <= $1 ORDER BY next_at, key LIMIT $2",
        [now, limit],
      );
      return rows.map(toTrigger);
    });
  }

  advance(id: string, from: number, nextAt: number | null, firing: NewFiring | null): Promise<boolean> {
    return this.#scripts.write(function* () {
      const moved = yield* ask("UPDATE triggers SET next_at = $1 WHERE id = $2 AND next_at = $3 RETURNING id", [
        nextAt,
        id,
        from,
      ]);
      if (moved.length === 0) return false;
      if (firing !== null) yield* fire(firing);
      return true;
    });
  }

  async fire(firing: NewFiring, { seen = false } = {}): Promise<FiringRecord | null> {
    return this.#scripts.write(function* () {
      const [trigger] = yield* ask("SELECT id FROM triggers WHERE id = $1", [firing.triggerId], "wait");
      if (trigger === undefined) return null;
      if (seen && !(yield* noteSeen(firing.triggerId, firing.key))) return null;
      yield* fire(firing);
      const [row] = yield* ask(`SELECT ${FIRING} FROM firings WHERE trigger_id = $1 AND firing_key = $2`, [
        firing.triggerId,
        firing.key,
      ]);
      return row === undefined ? null : toFiring(row);
    });
  }

  seen(triggerId: string, keys: readonly string[]): Promise<ReadonlySet<string>> {
    return this.#scripts.read(function* () {
      const known = new Set<string>();
      for (let start = 0; start < keys.length; start += KEYS_AT_ONCE) {
        const some = keys.slice(start, start + KEYS_AT_ONCE);
        const list = some.map((_, index) => `$${index + 2}`).join(", ");
        const rows = yield* ask(`SELECT seen_key FROM trigger_seen WHERE trigger_id = $1 AND seen_key IN (${list})`, [
          triggerId,
          ...some,
        ]);
        for (const row of rows) known.add(String(row.seen_key));
      }
      return known;
    });
  }

  async noteSeen(triggerId: string, keys: readonly string[]): Promise<void> {
    for (let start = 0; start < keys.length; start += KEYS_AT_ONCE) {
      await this.#scripts.write(function* () {
        const [trigger] = yield* ask("SELECT id FROM triggers WHERE id = $1", [triggerId], "wait");
        if (trigger === undefined) return;
        for (const key of keys.slice(start, start + KEYS_AT_ONCE)) yield* noteSeen(triggerId, key);
      });
    }
  }

  claim(options: {
    readonly now: number;
    readonly leaseMs: number;
    readonly id?: string;
  }): Promise<FiringRecord | null> {
    return this.#scripts.write(() => claimFiring(options));
  }

  hasDue(now: number): Promise<boolean> {
    return this.#scripts.read(function* () {
      return (yield* ask("SELECT key FROM firings WHERE next_at <= $1 LIMIT 1", [now])).length > 0;
    });
  }

  settle(id: string, attempts: number, end: FiringEnd): Promise<void> {
    return this.#scripts.write(() => settleFiring(id, attempts, end));
  }

  async getFiring(triggerId: string, id: string): Promise<FiringRecord | null> {
    if (!isStorable(triggerId) || !isStorable(id)) return null;
    return this.#scripts.read(function* () {
      const [row] = yield* ask(`SELECT ${FIRING} FROM firings WHERE trigger_id = $1 AND id = $2`, [triggerId, id]);
      return row === undefined ? null : toFiring(row);
    });
  }

  listFirings(triggerId: string, page: { limit: number; offset: number }): Promise<Page<FiringRecord>> {
    return this.#scripts.read(() =>
      pageOf("FROM firings WHERE trigger_id = $1", FIRING, "key DESC", [triggerId], page, toFiring),
    );
  }

  prune(before: number, limit: number): Promise<number> {
    return this.#scripts.write(function* () {
      const removed = yield* ask(
        "DELETE FROM firings WHERE key IN (SELECT key FROM firings WHERE next_at IS NULL AND is_open = 0 AND at < $1 LIMIT $2) RETURNING key",
        [before, limit],
      );
      return removed.length;
    });
  }
}

/** A statement takes so many, whichever the database. */
const KEYS_AT_ONCE = 500;

/** A page of rows, and how many there are; `from` goes with the values. */
export function* pageOf<T>(
  from: string,
  columns: string,
  order: string,
  values: readonly Value[],
  { limit, offset }: { readonly limit: number; readonly offset: number },
  toItem: (row: Row) => T,
): Script<Page<T>> {
  const [count] = yield* ask(`SELECT count(*) AS total ${from}`, values);
  const place = `LIMIT $${values.length + 1} OFFSET $${values.length + 2}`;
  const rows = yield* ask(`SELECT ${columns} ${from} ORDER BY ${order} ${place}`, [...values, limit, offset]);
  return { total: Number(count?.total), items: rows.map(toItem) };
}

/** Whether PostgreSQL can hold a text as it is; what it cannot hold names nothing, there or elsewhere. */
export function isStorable(id: string): boolean {
  return !id.includes("\0");
}

/** False where it was noted before. */
function* noteSeen(triggerId: string, key: string): Script<boolean> {
  const noted = yield* ask(
    "INSERT INTO trigger_seen (trigger_id, seen_key) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING seen_key",
    [triggerId, key],
  );
  return noted.length > 0;
}

function columnsOf({ nextAt, maxRunning, ...rest }: TriggerRecord) {
  return { nextAt, maxRunning, data: JSON.stringify({ ...rest, maxRunning }) };
}

function toTrigger(row: Row): TriggerRecord {
  // Only this file writes the column, from records of this type.
  const stored = JSON.parse(String(row.data)) as Omit<TriggerRecord, "nextAt">;
  // A node of an older Millrace knows of no project: the column does.
  return { ...stored, project: String(row.project), nextAt: row.next_at === null ? null : Number(row.next_at) };
}
