import type { ExecutionRecord, FirstMessages, NewExecution, NewExecutionOptions, NewMessage } from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";
import { tooMany } from "../too-many.ts";
import { LOCKS } from "./advisory-locks.ts";
import type { Row } from "./columns.ts";
import { EXECUTION, listedSnapshot, searchedText, toExecution } from "./execution-row.ts";
import { countFirst, enqueueFirst } from "./first-messages.ts";
import type { GroupTransaction } from "./jobs.ts";

const BY_KEY = {
  name: "execution-by-idempotency-key",
  text: `SELECT ${EXECUTION} FROM executions WHERE idempotency_key = $1 AND project = $2`,
};

const OF_TAG = {
  name: "execution-of-tag",
  text: "SELECT id FROM executions WHERE tag = $1 AND project = $2 UNION ALL SELECT id FROM executions WHERE id = $1 AND project = $2 LIMIT 1",
};

const UNFINISHED = {
  name: "executions-unfinished-count",
  text: "SELECT count(*) AS count FROM executions WHERE status IN ('running', 'interrupted')",
};

/** Waits for others that are about to create one of the same id, tag or key: no row where they did. */
const INSERT = {
  name: "execution-insert",
  text: "INSERT INTO executions (id, owner, last_seq, config_id, searched, status, started_at, parent_execution_id, replay_source, tag, config_snapshot, config_listed, root_correlation_id, metadata, idempotency_key, project) VALUES ($1, $2, $3, $4, $5, 'running', $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT DO NOTHING RETURNING key",
};

/** What creating an execution comes to. */
export interface CreatedExecution {
  readonly record: ExecutionRecord;
  readonly created: boolean;
  readonly firstSeq: number | null;
}

/**
 * Creates an execution within the transaction of a group: of several nodes that create one with the same tag or key at
 * once one does, and the others wait for it and are answered by what it did.
 * @throws MillraceError as `Records.createExecution`
 */
export async function createExecution(
  transaction: GroupTransaction,
  execution: NewExecution,
  first: NewMessage | FirstMessages | null,
  { owned = true, maxUnfinished }: NewExecutionOptions,
): Promise<CreatedExecution> {
  const found = await earlier(transaction, execution);
  if (found !== null) return found;
  if (maxUnfinished !== undefined) await checkRoom(transaction, maxUnfinished);
  const lastSeq = countFirst(first);
  const [row] = await transaction.ask(INSERT, [
    execution.id,
    owned ? transaction.nodeId : null,
    lastSeq,
    execution.configId,
    searchedText(execution.tag, execution.configSnapshot),
    execution.startedAt,
    execution.parentExecutionId,
    execution.replaySource,
    execution.tag,
    JSON.stringify(execution.configSnapshot),
    JSON.stringify(listedSnapshot(execution.configSnapshot)),
    execution.rootCorrelationId,
    JSON.stringify(execution.metadata),
    execution.idempotencyKey,
    execution.project,
  ]);
  if (row === undefined) {
    const meanwhile = await earlier(transaction, execution);
    if (meanwhile !== null) return meanwhile;
    throw new MillraceError("INTERNAL", `There is an execution with the id ${execution.id} already.`);
  }
  const key = Number(row.key);
  await enqueueFirst(transaction.ask, { id: execution.id, key }, first);
  transaction.start({ id: execution.id, key, isMine: owned, lastSeq }, { kind: "started", at: execution.startedAt });
  const record: ExecutionRecord = {
    ...execution,
    status: "running",
    completedAt: null,
    errorInfo: null,
    stopping: null,
    progressJson: null,
  };
  return { record, created: true, firstSeq: first !== null && "id" in first ? 1 : null };
}

/** The execution that has the key; null where nothing is in the way. @throws MillraceError where something is */
async function earlier(
  { ask }: GroupTransaction,
  { project, idempotencyKey, configId, tag }: NewExecution,
): Promise<CreatedExecution | null> {
  if (idempotencyKey !== null) {
    const [row] = await ask(BY_KEY, [idempotencyKey, project]);
    if (row !== undefined) return reused(row, configId);
  }
  if (tag !== null) {
    const [row] = await ask(OF_TAG, [tag, project]);
    if (row !== undefined) {
      throw new MillraceError("TAG_TAKEN", `The tag "${tag}" belongs to execution ${row.id}. Choose another.`);
    }
  }
  return null;
}

function reused(row: Row, configId: string | null): CreatedExecution {
  if (row.config_id === configId) return { record: toExecution(row), created: false, firstSeq: null };
  throw new MillraceError(
    "IDEMPOTENCY_KEY_REUSED",
    `The idempotency key was used to run another config (execution ${row.id}). Use a new key.`,
  );
}

/** Who counts waits for all that were counted before, on whichever node: until they are there to be counted as well. */
async function checkRoom({ ask }: GroupTransaction, maxUnfinished: number): Promise<void> {
  await ask("SELECT pg_advisory_xact_lock($1, 0)", [LOCKS.unfinished]);
  const [row] = await ask(UNFINISHED);
  if (Number(row?.count) < maxUnfinished) return;
  throw tooMany(maxUnfinished);
}
