/** The append path of the journal alone, and bare SQLite writing the same bytes. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Journal, NewMessage, Records, Transition } from "@millrace/engine";
import { type ExecutionEvent, encodeFrame } from "@millrace/protocol";
import { openSqliteStore } from "@millrace/stores";
import { v5, v7 } from "uuid";

/** Events of one message: taken, three adapters, done. */
export const EVENTS_PER_MESSAGE = 5;

/** Messages that are on their way to the journal at a time: a thousand events, as much as the engine lets wait. */
export const IN_FLIGHT = 200;

const SCHEMA = join(import.meta.dirname, "../packages/stores/src/sqlite/migrations/0001-first.sql");

/** What each of the executions appends: one step after the other. */
export interface Workload {
  readonly executionId: string;
  readonly steps: readonly { readonly events: readonly ExecutionEvent[]; readonly next: NewMessage }[];
}

/** A run of each kind on one workload, in events a second. */
export interface AppendRates {
  readonly journal: number;
  /** SQLite as it comes. */
  readonly rowPerEvent: number;
  /** The same, on pages as large as the journal's. */
  readonly rowPerEventLargePages: number;
  /** And the frames of a group and execution in one row. */
  readonly rowPerGroupLargePages: number;
}

/**
 * Appends `messages` steps, spread over `executions`: each has five events, settles its message and puts the next one.
 * The peers get frames that are encoded already, and write the same message rows, in transactions of the same size.
 */
export async function measureAppends(messages: number, executions: number): Promise<AppendRates> {
  const workloads = makeWorkloads(messages, executions);
  const events = workloads.reduce((sum, { steps }) => sum + steps.length, 0) * EVENTS_PER_MESSAGE;
  return {
    journal: events / (await appendAll(workloads)),
    rowPerEvent: events / insertAll(workloads, "event", 4_096),
    rowPerEventLargePages: events / insertAll(workloads, "event", 16_384),
    rowPerGroupLargePages: events / insertAll(workloads, "group", 16_384),
  };
}

/** `messages` steps, spread over `executions`. */
export function makeWorkloads(messages: number, executions: number): Workload[] {
  return Array.from({ length: executions }, () => {
    const executionId = v7();
    const root = v7();
    let id = v7();
    const steps = Array.from({ length: Math.ceil(messages / executions) }, (_, index) => {
      const events = eventsOf(executionId, root, id, index === 0 ? null : root, index);
      id = v5(`${index}/work`, root);
      return { events, next: { id, parentId: root, route: "work", payloadJson: `{"index":${index}}`, hops: 1 } };
    });
    return { executionId, steps };
  });
}

function eventsOf(executionId: string, root: string, id: string, parent: string | null, at: number): ExecutionEvent[] {
  const common = () => ({
    execution_id: executionId,
    message_id: id,
    parent_message_id: parent,
    correlation_id: id,
    root_correlation_id: root,
    route: "work",
    timestamp: new Date(1_790_000_000_000 + at).toISOString(),
    attempt: 1,
  });
  return [
    { ...common(), type: "initiated" },
    ...["one", "two", "three"].map((adapter, adapter_index) => ({
      ...common(),
      type: "processing" as const,
      adapter,
      adapter_index,
    })),
    { ...common(), type: "completed", duration_ms: 0.125, emitted: {} },
  ];
}

/** Seconds that the journal takes. */
async function appendAll(workloads: readonly Workload[]): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-bench-"));
  const { journal, records, close } = openSqliteStore(folder, { durability: "normal" });
  await createAll(records, workloads);
  const seconds = await appendSteps(journal, workloads);
  close();
  rmSync(folder, { recursive: true });
  return seconds;
}

/** Creates the executions of the workloads. */
export async function createAll(
  records: Pick<Records, "createExecution">,
  workloads: readonly Workload[],
): Promise<void> {
  await Promise.all(
    workloads.map(({ executionId }) =>
      records.createExecution(
        {
          id: executionId,
          project: "default",
          configId: null,
          startedAt: new Date().toISOString(),
          parentExecutionId: null,
          replaySource: null,
          tag: null,
          configSnapshot: {},
          rootCorrelationId: executionId,
          metadata: {},
          idempotencyKey: null,
        },
        null,
      ),
    ),
  );
}

/** Seconds that a journal takes for all steps. */
export async function appendSteps(journal: Pick<Journal, "append">, workloads: readonly Workload[]): Promise<number> {
  const startedAt = performance.now();
  await Promise.all(
    workloads.map(async ({ executionId, steps }) => {
      const lanes = Math.max(1, Math.floor(IN_FLIGHT / workloads.length));
      let next = 0;
      const lane = async () => {
        let seq: number | undefined;
        while (next < steps.length) {
          const step = steps[next];
          next += 1;
          if (step === undefined) return;
          const transition: Transition = {
            executionId,
            events: step.events,
            enqueue: [step.next],
            changes: seq === undefined ? [] : [{ kind: "settled", seq }],
          };
          [seq] = (await journal.append(transition)).seqs;
        }
      };
      await Promise.all(Array.from({ length: lanes }, lane));
    }),
  );
  return (performance.now() - startedAt) / 1000;
}

/** Seconds that bare statements take for the same rows; the frames are encoded before the clock starts. */
function insertAll(workloads: readonly Workload[], row: "event" | "group", pageBytes: number): number {
  const folder = mkdtempSync(join(tmpdir(), "millrace-bench-"));
  const database = new DatabaseSync(join(folder, "bare.db"));
  database.exec(`PRAGMA page_size = ${pageBytes}`);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -65536");
  database.exec(readFileSync(SCHEMA, "utf8"));
  const insertFrames = database.prepare(
    "INSERT INTO journal (last, first, execution_key, count, frames) VALUES (?, ?, ?, ?, ?)",
  );
  const put = database.prepare(
    "INSERT INTO messages (seq, execution_key, id, parent_id, route, payload, hops) VALUES (?, ?, ?, ?, ?, ?, ?)",
  );
  const settle = database.prepare("DELETE FROM messages WHERE seq = ?");
  const lanes = Math.max(1, Math.floor(IN_FLIGHT / workloads.length));
  const groups = groupsOf(workloads, lanes, row);
  let seq = 0;
  const startedAt = performance.now();
  for (const { rows, messages } of groups) {
    database.exec("BEGIN IMMEDIATE");
    for (const { key, message } of messages) {
      seq += 1;
      // What the group before this one put.
      if (seq > messages.length) settle.run(seq - messages.length);
      put.run(seq, key, message.id, message.parentId, message.route, message.payloadJson, message.hops);
    }
    for (const { key, first, last, frames } of rows) insertFrames.run(last, first, key, last - first + 1, frames);
    database.exec("COMMIT");
  }
  const seconds = (performance.now() - startedAt) / 1000;
  database.close();
  rmSync(folder, { recursive: true });
  return seconds;
}

/** What a peer writes in one transaction. */
export interface BareGroup {
  readonly rows: { key: number; first: number; last: number; frames: Buffer }[];
  readonly messages: { key: number; message: NewMessage }[];
}

/** The transactions of a peer: the next `lanes` steps of every execution in each. */
export function groupsOf(workloads: readonly Workload[], lanes: number, row: "event" | "group"): BareGroup[] {
  const groups: BareGroup[] = [];
  let position = 0;
  const longest = Math.max(...workloads.map(({ steps }) => steps.length));
  for (let at = 0; at < longest; at += lanes) {
    const group: BareGroup = { rows: [], messages: [] };
    for (const [index, { steps }] of workloads.entries()) {
      const key = index + 1;
      const own = steps.slice(at, at + lanes);
      const first = position + 1;
      const frames: Buffer[] = [];
      for (const event of own.flatMap((step) => step.events)) {
        position += 1;
        const frame = Buffer.from(encodeFrame(event.type, JSON.stringify(event), position));
        if (row === "event") group.rows.push({ key, first: position, last: position, frames: frame });
        else frames.push(frame);
      }
      if (row === "group") group.rows.push({ key, first, last: position, frames: Buffer.concat(frames) });
      group.messages.push(...own.map(({ next }) => ({ key, message: next })));
    }
    groups.push(group);
  }
  return groups;
}
