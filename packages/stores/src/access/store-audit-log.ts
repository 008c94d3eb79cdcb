import type { AuditEntry, AuditFilter, AuditLog, Page } from "@millrace/engine";
import { z } from "zod";
import { ask, type Row, type Scripts, text, type Value } from "../triggers/script.ts";
import { isStorable, pageOf } from "../triggers/store-triggers.ts";

const COLUMNS = "at, actor_id, actor_name, action, project, outcome, data";

/** What of an entry is in no column of its own. */
const dataSchema = z.object({
  id: z.string(),
  actorKind: z.string(),
  target: z.object({ kind: z.string(), id: z.string() }).nullable(),
  status: z.number(),
  requestId: z.string(),
  address: z.string().nullable(),
  count: z.number(),
});

const outcomeSchema = z.enum(["allowed", "denied", "failed"]);

/** The audit log, over either database. */
export class StoreAuditLog implements AuditLog {
  readonly #scripts: Scripts;

  constructor(scripts: Scripts) {
    this.#scripts = scripts;
  }

  append(entries: readonly AuditEntry[]): Promise<void> {
    return this.#scripts.write(function* () {
      for (const entry of entries) {
        const { id, actor, target, status, requestId, address, count } = entry;
        const data: z.input<typeof dataSchema> = {
          id,
          actorKind: actor.kind,
          target,
          status,
          requestId,
          address,
          count,
        };
        yield* ask(
          "INSERT INTO audit_log (at, actor_id, actor_name, action, project, outcome, data) VALUES ($1, $2, $3, $4, $5, $6, $7)",
          [
            entry.at,
            storable(actor.id),
            storable(actor.name),
            entry.action,
            entry.project,
            entry.outcome,
            JSON.stringify(data),
          ],
        );
      }
    });
  }

  async list(filter: AuditFilter): Promise<Page<AuditEntry>> {
    const { actor, action, project, outcome, from, to, limit, offset } = filter;
    if (![actor, action, project].every((value) => value === undefined || isStorable(value))) {
      return { total: 0, items: [] };
    }
    const where: string[] = [];
    const values: Value[] = [];
    const match = (condition: (place: string) => string, ...given: (Value | undefined)[]) => {
      if (given.some((value) => value === undefined)) return;
      let text = condition("?");
      for (const value of given) {
        values.push(value ?? null);
        text = text.replace("?", `$${values.length}`);
      }
      where.push(text);
    };
    match(() => "(actor_id = ? OR actor_name = ?)", actor, actor);
    // Up to the character after the dot in the order of bytes.
    match(() => "(action = ? OR (action >= ? AND action < ?))", action, action && `${action}.`, action && `${action}/`);
    match(() => "project = ?", project);
    match(() => "outcome = ?", outcome);
    match(() => "at >= ?", from);
    match(() => "at < ?", to);
    const rows = `FROM audit_log${where.length === 0 ? "" : ` WHERE ${where.join(" AND ")}`}`;
    return this.#scripts.read(() => pageOf(rows, COLUMNS, "at DESC, key DESC", values, { limit, offset }, toEntry));
  }

  prune(before: number, limit: number): Promise<number> {
    return this.#scripts.write(function* () {
      const removed = yield* ask(
        "DELETE FROM audit_log WHERE key IN (SELECT key FROM audit_log WHERE at < $1 ORDER BY at LIMIT $2) RETURNING key",
        [before, limit],
      );
      return removed.length;
    });
  }
}

/** PostgreSQL holds no such character. */
function storable(value: string): string {
  return value.replaceAll("\0", "�");
}

function toEntry(row: Row): AuditEntry {
  const { actorKind, ...data } = dataSchema.parse(JSON.parse(String(row.data)));
  return {
    ...data,
    at: Number(row.at),
    actor: { kind: actorKind, id: String(row.actor_id), name: String(row.actor_name) },
    action: String(row.action),
    project: text(row.project),
    outcome: outcomeSchema.parse(row.outcome),
  };
}
