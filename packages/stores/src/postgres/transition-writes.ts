import type { Committed, ExecutionRecord, Lifecycle, NewMessage, Transition } from "@millrace/engine";
import { type EventEncoder, isTerminal } from "@millrace/protocol";
import { textArray } from "./binary-arrays.ts";
import type { ExecutionState } from "./execution-states.ts";
import type { ExecutionJob } from "./jobs.ts";
import type { PostgresGroup } from "./postgres-group.ts";

/** A transition, ready to be written. */
export interface PreparedTransition extends Omit<ExecutionJob<Committed>, "kind"> {
  /** About so many bytes are written. */
  readonly bytes: number;
}

/**
 * Reads all of a transition: a value that cannot be read, or not be written as JSON, fails it here, before it is part of a
 * group.
 */
export function prepareTransition(transition: Transition, encoder: EventEncoder): PreparedTransition {
  const { executionId, lifecycle } = transition;
  const starts = transition.events.map((event) => encoder.encode(event));
  const enqueue = (transition.enqueue ?? []).map(copyOf);
  const changes = [...(transition.changes ?? [])];
  const objects = [...(transition.objects ?? [])];
  const record = transition.record === undefined ? null : columnsOf(transition.record);
  const isEnd = transition.record?.status !== undefined && isTerminal(transition.record.status);
  const keepWaiting = transition.keepWaiting ?? [];
  const write = (group: PostgresGroup, { key }: ExecutionState, ended: Lifecycle | undefined): Committed => {
    for (const change of changes) group.change(executionId, change);
    const seqs = enqueue.map((message) => group.enqueue(executionId, message));
    if (objects.length > 0) group.addObjects(executionId, key, objects);
    group.addEncoded(executionId, key, starts, lifecycle ?? ended);
    if (record !== null) group.messages.follow({ statement: record.statement, values: [key, ...record.values] });
    if (isEnd) {
      group.messages.follow({ statement: KEEP_AGAIN, values: [key] });
      group.messages.follow({ statement: DROP_WAITING, values: [key, textArray(keepWaiting)] });
      group.end(executionId);
    }
    return { seqs };
  };
  return {
    executionId,
    write,
    absent: { seqs: [] },
    mayFollowEnd:
      objects.length > 0 &&
      starts.length + enqueue.length + changes.length === 0 &&
      lifecycle === undefined &&
      record === null,
    // Objects that are found when their execution is over have its end behind them: readers of them stop there.
    needsEnd: lifecycle === undefined && objects.some(({ kind }) => kind === "written"),
    bytes:
      starts.reduce((sum, start) => sum + start.length, 0) +
      enqueue.reduce((sum, { payloadJson }) => sum + payloadJson.length, 0),
  };
}

function copyOf({ id, parentId, route, payloadJson, hops }: NewMessage): NewMessage {
  return { id, parentId, route, payloadJson, hops };
}

const KEEP_AGAIN = {
  name: "messages_keep_again",
  text: "UPDATE messages SET error = failed_before, failed_before = NULL, attempt = attempt - 1 WHERE execution_key = $1 AND error IS NULL AND NOT settled AND failed_before IS NOT NULL",
};

const DROP_WAITING = {
  name: "messages_drop_waiting",
  text: "DELETE FROM messages WHERE execution_key = $1 AND error IS NULL AND NOT settled AND route <> ALL($2::text[])",
};

type RecordChange = NonNullable<Transition["record"]>;

/** The change of a record as one statement: its first value is the key of the execution. */
function columnsOf(record: RecordChange) {
  const columns: [name: string, value: string | null][] = [];
  const set = (name: string, value: string | null | undefined) => {
    if (value !== undefined) columns.push([name, value]);
  };
  set("status", record.status);
  set("completed_at", record.completedAt);
  set("error_info", jsonOf(record.errorInfo));
  set("stopping", record.stopping);
  set("progress", record.progressJson);
  const isEnd = record.status !== undefined && isTerminal(record.status);
  const sets = columns.map(([name], index) => `${name} = $${index + 2}`);
  // Nobody works on what is over.
  if (isEnd) sets.push("owner = NULL");
  if (sets.length === 0) return null;
  return {
    statement: {
      // Names of statements have 63 letters at most.
      name: `set_${columns.map(([name]) => name.slice(0, 9)).join("_")}${isEnd ? "_end" : ""}`,
      text: `UPDATE executions SET ${sets.join(", ")} WHERE key = $1`,
    },
    values: columns.map(([, value]) => value),
  };
}

function jsonOf(value: ExecutionRecord["errorInfo"] | undefined): string | null | undefined {
  return value === null || value === undefined ? value : JSON.stringify(value);
}
