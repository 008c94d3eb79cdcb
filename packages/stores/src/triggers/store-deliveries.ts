import {
  type Deliveries,
  type DeliveryAttempt,
  type DeliveryRecord,
  type Ending,
  type EndingPage,
  type ExecutionRecord,
  type Journal,
  type Lifecycle,
  MAX_LOGGED_ATTEMPTS,
  type NewDelivery,
  type Page,
  type Position,
  type WebhookRecord,
} from "@millrace/engine";
import { ask, number, type Row, type Script, type Scripts, text } from "./script.ts";
import { isStorable, pageOf } from "./store-triggers.ts";

/** What the two databases have each in its own way. */
export interface ExecutionColumns {
  /** Of `executions`, without the large parts of the snapshot. */
  readonly columns: string;
  toExecution(row: Row): ExecutionRecord;
}

/** Webhooks and their deliveries, over either database. */
export class StoreDeliveries implements Deliveries {
  readonly #scripts: Scripts;
  readonly #journal: Pick<Journal, "head">;
  readonly #executions: ExecutionColumns;

  constructor(scripts: Scripts, journal: Pick<Journal, "head">, executions: ExecutionColumns) {
    this.#scripts = scripts;
    this.#journal = journal;
    this.#executions = executions;
  }

  createWebhook(webhook: WebhookRecord): Promise<void> {
    return this.#scripts.write(function* () {
      yield* ask("INSERT INTO webhooks (id, enabled, data, project) VALUES ($1, $2, $3, $4)", [
        webhook.id,
        webhook.enabled ? 1 : 0,
        JSON.stringify(webhook),
        webhook.project,
      ]);
    });
  }

  updateWebhook(webhook: WebhookRecord, expected: number): Promise<boolean> {
    return this.#scripts.write(function* () {
      const [known] = yield* ask("SELECT data, project FROM webhooks WHERE id = $1", [webhook.id], "wait");
      if (known === undefined || toWebhook(known).updatedAt !== expected) return false;
      yield* ask("UPDATE webhooks SET enabled = $1, data = $2 WHERE id = $3", [
        webhook.enabled ? 1 : 0,
        JSON.stringify(webhook),
        webhook.id,
      ]);
      return true;
    });
  }

  async deleteWebhook(id: string): Promise<boolean> {
    if (!isStorable(id)) return false;
    return this.#scripts.write(function* () {
      return (yield* ask("DELETE FROM webhooks WHERE id = $1 RETURNING id", [id])).length > 0;
    });
  }

  async getWebhook(id: string): Promise<WebhookRecord | null> {
    if (!isStorable(id)) return null;
    return this.#scripts.read(function* () {
      const [row] = yield* ask("SELECT data, project FROM webhooks WHERE id = $1", [id]);
      return row === undefined ? null : toWebhook(row);
    });
  }

  async findWebhook(project: string | null, id: string): Promise<WebhookRecord | null> {
    if (project === null) return this.getWebhook(id);
    if (!isStorable(id)) return null;
    return this.#scripts.read(function* () {
      const [row] = yield* ask("SELECT data, project FROM webhooks WHERE id = $1 AND project = $2", [id, project]);
      return row === undefined ? null : toWebhook(row);
    });
  }

  listWebhooks({
    project,
    ...page
  }: {
    project: string | null;
    limit: number;
    offset: number;
  }): Promise<Page<WebhookRecord>> {
    const from = project === null ? "FROM webhooks" : "FROM webhooks WHERE project = $1";
    const values = project === null ? [] : [project];
    return this.#scripts.read(() => pageOf(from, "data, project", "key", values, page, toWebhook));
  }

  enabledWebhooks(): Promise<WebhookRecord[]> {
    return this.#scripts.read(function* () {
      return (yield* ask("SELECT data, project FROM webhooks WHERE enabled = 1 ORDER BY key")).map(toWebhook);
    });
  }

  endings(since: Position, limit: number): Promise<EndingPage> {
    const { columns, toExecution } = this.#executions;
    // Whatever is committed after it was read has a greater position.
    const { head } = this.#journal;
    return this.#scripts.read(function* () {
      const [at] = yield* ask("SELECT position FROM webhook_head");
      const from = Number(at?.position);
      const rows = yield* ask(
        `SELECT j.position, j.lifecycle, e.* FROM (SELECT last AS position, execution_key, lifecycle FROM journal WHERE lifecycle IS NOT NULL AND last > $1 AND last <= $2 ORDER BY last LIMIT $3) AS j LEFT JOIN (SELECT key, ${columns} FROM executions) AS e ON e.key = j.execution_key ORDER BY j.position`,
        [Math.max(from, since), head, limit],
      );
      const more = rows.length === limit;
      const last = rows.at(-1);
      const to = more && last !== undefined ? Number(last.position) : Math.max(from, head);
      return { from, to, more, endings: rows.flatMap((row) => toEnding(row, toExecution)) };
    });
  }

  enqueue(deliveries: readonly NewDelivery[], page: Pick<EndingPage, "from" | "to">): Promise<boolean> {
    return this.#scripts.write(function* () {
      const moved = yield* ask("UPDATE webhook_head SET position = $1 WHERE position = $2 RETURNING position", [
        page.to,
        page.from,
      ]);
      if (moved.length === 0) return false;
      for (const delivery of deliveries) yield* put(delivery);
      return true;
    });
  }

  async add(delivery: NewDelivery): Promise<DeliveryRecord | null> {
    return this.#scripts.write(function* () {
      yield* put(delivery);
      const [row] = yield* ask(`SELECT ${DELIVERY} FROM deliveries WHERE id = $1`, [delivery.id]);
      return row === undefined ? null : toDelivery(row);
    });
  }

  claim(options: { now: number; leaseMs: number; except: readonly string[] }): Promise<DeliveryRecord | null> {
    const { now, leaseMs, except } = options;
    const others = except.map((_, index) => `$${index + 2}`).join(", ");
    return this.#scripts.write(function* () {
      const [due] = yield* ask(
        `SELECT id FROM deliveries WHERE next_at <= $1${except.length === 0 ? "" : ` AND webhook_id NOT IN (${others})`} AND EXISTS (SELECT 1 FROM webhooks WHERE webhooks.id = deliveries.webhook_id AND webhooks.enabled = 1) ORDER BY next_at, key LIMIT 1`,
        [now, ...except],
        "free",
      );
      if (due === undefined) return null;
      const [row] = yield* ask(
        `UPDATE deliveries SET attempts = attempts + 1, next_at = $1 WHERE id = $2 RETURNING ${DELIVERY}`,
        [now + leaseMs, String(due.id)],
      );
      return row === undefined ? null : toDelivery(row);
    });
  }

  settle(
    id: string,
    attempts: number,
    attempt: DeliveryAttempt,
    end: Pick<DeliveryRecord, "state" | "nextAt">,
  ): Promise<void> {
    return this.#scripts.write(function* () {
      const [row] = yield* ask(
        "SELECT log FROM deliveries WHERE id = $1 AND attempts = $2 AND state = 'pending'",
        [id, attempts],
        "wait",
      );
      if (row === undefined) return;
      const log = [...JSON.parse(String(row.log)), attempt].slice(-MAX_LOGGED_ATTEMPTS);
      yield* ask("UPDATE deliveries SET state = $1, next_at = $2, log = $3 WHERE id = $4", [
        end.state,
        end.nextAt,
        JSON.stringify(log),
        id,
      ]);
    });
  }

  async redeliver(webhookId: string, id: string, now: number): Promise<DeliveryRecord | null> {
    return this.#scripts.write(function* () {
      const [row] = yield* ask(
        `UPDATE deliveries SET state = 'pending', next_at = $1, earlier_attempts = attempts WHERE webhook_id = $2 AND id = $3 AND state <> 'pending' RETURNING ${DELIVERY}`,
        [now, webhookId, id],
      );
      return row === undefined ? null : toDelivery(row);
    });
  }

  async getDelivery(webhookId: string, id: string): Promise<DeliveryRecord | null> {
    if (!isStorable(webhookId) || !isStorable(id)) return null;
    return this.#scripts.read(function* () {
      const [row] = yield* ask(`SELECT ${DELIVERY} FROM deliveries WHERE webhook_id = $1 AND id = $2`, [webhookId, id]);
      return row === undefined ? null : toDelivery(row);
    });
  }

  listDeliveries(
    webhookId: string,
    { state, ...page }: { readonly state?: DeliveryRecord["state"]; readonly limit: number; readonly offset: number },
  ): Promise<Page<DeliveryRecord>> {
    const values = state === undefined ? [webhookId] : [webhookId, state];
    const from = `FROM deliveries WHERE webhook_id = $1${state === undefined ? "" : " AND state = $2"}`;
    return this.#scripts.read(() => pageOf(from, DELIVERY, "key DESC", values, page, toDelivery));
  }

  prune(before: number, limit: number): Promise<number> {
    return this.#scripts.write(function* () {
      const removed = yield* ask(
        "DELETE FROM deliveries WHERE key IN (SELECT key FROM deliveries WHERE next_at IS NULL AND created_at < $1 LIMIT $2) RETURNING key",
        [before, limit],
      );
      return removed.length;
    });
  }
}

const DELIVERY =
  "id, webhook_id, delivery_key, event, execution_id, body, created_at, state, attempts, earlier_attempts, next_at, log";

/** One whose webhook is gone, or whose key is there already, is left out. */
function* put(delivery: NewDelivery): Script<void> {
  // Whoever is about to remove the webhook is waited for: what was put for it would be refused when it is gone.
  yield* ask("SELECT id FROM webhooks WHERE id = $1", [delivery.webhookId], "wait");
  yield* ask(
    "INSERT INTO deliveries (id, delivery_key, event, execution_id, body, created_at, next_at, webhook_id) SELECT CAST($1 AS text), CAST($2 AS text), CAST($3 AS text), CAST($4 AS text), CAST($5 AS text), CAST($6 AS bigint), CAST($7 AS bigint), id FROM webhooks WHERE id = $8 ON CONFLICT DO NOTHING",
    [
      delivery.id,
      delivery.key,
      delivery.event,
      delivery.executionId,
      delivery.body,
      delivery.createdAt,
      delivery.createdAt,
      delivery.webhookId,
    ],
  );
}

/** None where the row tells of something else, or the execution is gone. */
function toEnding(row: Row, toExecution: (row: Row) => ExecutionRecord): Ending[] {
  // Only the journal writes the column.
  const lifecycle = JSON.parse(String(row.lifecycle)) as Lifecycle;
  if ((lifecycle.kind !== "ended" && lifecycle.kind !== "interrupted") || row.id === null) return [];
  return [{ position: Number(row.position), lifecycle, execution: toExecution(row) }];
}

function toWebhook(row: Row): WebhookRecord {
  // Only this file writes the column, from records of this type.
  const stored = JSON.parse(String(row.data)) as WebhookRecord;
  // A node of an older Millrace knows of no project: the column does.
  return { ...stored, project: String(row.project) };
}

function toDelivery(row: Row): DeliveryRecord {
  return {
    id: String(row.id),
    webhookId: String(row.webhook_id),
    key: String(row.delivery_key),
    event: String(row.event),
    executionId: text(row.execution_id),
    body: String(row.body),
    createdAt: Number(row.created_at),
    // Only this file writes the column.
    state: row.state as DeliveryRecord["state"],
    attempts: Number(row.attempts),
    earlierAttempts: Number(row.earlier_attempts),
    nextAt: number(row.next_at),
    log: JSON.parse(String(row.log)),
  };
}
