import {
  type ErrorInfo,
  MillraceError,
  type Progress,
  type TerminalStatus,
  type ValidationReport,
} from "@millrace/protocol";
import type { AdapterLog } from "../adapter.ts";
import type { Definition } from "../definition/definition.ts";
import type { Clock, ExecutionRecord, Journal, WorkQueue } from "../ports.ts";
import { knownSecrets } from "../secrets/redactor.ts";
import type { Execution } from "./execution.ts";
import { findInterruption } from "./find-interruption.ts";
import { foldJournal } from "./fold-journal.ts";
import { hasMoved } from "./has-moved.ts";

/** What taking executions up needs of the engine. */
export interface RecoveryHost {
  readonly journal: Journal;
  readonly work: WorkQueue;
  readonly clock: Clock;
  readonly log: AdapterLog;
  /** Whether executions may be among them that nobody has begun yet. */
  readonly mayBeNew: boolean;
  loadDefinition: LoadDefinition;
  /** It waits for a secret: it is to be tried again. */
  heldUp(executionId: string): void;
  /** @throws MillraceError CONFIG_INVALID when an adapter's `prepare` throws */
  makeExecution(
    record: ExecutionRecord,
    definition: Definition,
    state: { progress: Progress; stopping: TerminalStatus | null; errorInfo: ErrorInfo | null },
  ): Execution;
  /** The execution is at work from now on. */
  running(execution: Execution): void;
}

/** What comes of a pipeline's text. */
export interface LoadedPipeline {
  readonly definition: Definition | null;
  readonly report: ValidationReport;
  /** What a secret of it waits for: it may load in a while. */
  readonly awaits?: string | null;
}

/** Compiles the frozen configuration of an execution of a project; default: the project of all that name none. */
export type LoadDefinition = (yaml: string, project?: string) => Promise<LoadedPipeline>;

/** A secret of a pipeline cannot be had at present. */
export function secretAway(awaits: string): MillraceError {
  return new MillraceError("SECRET_UNAVAILABLE", `${awaits}. Try again in a while.`);
}

/** Executions that are taken up at a time: each holds a page of its journal meanwhile. */
const TAKEN_UP_AT_ONCE = 64;

/** Codes of a store that cannot be read. */
const STORE_FAULTS: ReadonlySet<string> = new Set(["SERVICE_UNAVAILABLE", "STORE_UNREACHABLE", "STORE_DAMAGED"]);

/** The code of an execution's error while it cannot be taken up. */
export const INTERRUPTED = "INTERRUPTED";

/**
 * Takes up executions that are not over. One whose configuration does not load any more is `interrupted`; one that
 * another node claims meanwhile is that one's.
 * @throws MillraceError SERVICE_UNAVAILABLE, STORE_UNREACHABLE, STORE_DAMAGED where the store cannot be read
 */
export async function recoverExecutions(host: RecoveryHost, records: readonly ExecutionRecord[]): Promise<void> {
  // Executions of one configuration share what it is compiled to; and several are taken up at a time, so that what
  // they write goes into common commits.
  const definitions = new Map<string, ReturnType<LoadDefinition>>();
  const load: LoadDefinition = (yaml, project) => {
    // Its secrets are those of its project.
    const key = `${project}\n${yaml}`;
    const loading = definitions.get(key) ?? host.loadDefinition(yaml, project);
    definitions.set(key, loading);
    return loading;
  };
  let next = 0;
  const lane = async () => {
    for (let record = records[next]; record !== undefined; record = records[next]) {
      next += 1;
      try {
        await takeUp(host, record, load);
      } catch (error) {
        // It says nothing of the execution that the store cannot be read.
        if (error instanceof MillraceError && STORE_FAULTS.has(error.code)) throw error;
        if (hasMoved(error)) continue;
        await interrupt(host, record, error instanceof Error ? error.message : String(error));
        if (error instanceof MillraceError && error.code === "SECRET_UNAVAILABLE") host.heldUp(record.id);
      }
    }
  };
  await Promise.all(Array.from({ length: TAKEN_UP_AT_ONCE }, lane));
}

async function takeUp(host: RecoveryHost, record: ExecutionRecord, load: LoadDefinition): Promise<void> {
  const { definition, report, awaits = null } = await load(String(record.configSnapshot.config_yaml), record.project);
  if (definition === null) {
    if (awaits !== null) {
      throw new MillraceError("SECRET_UNAVAILABLE", `${awaits}. The execution goes on as soon as it can be had.`);
    }
    const [finding] = report.issues;
    throw new Error(`The execution's configuration does not load any more: ${finding?.message ?? "it has errors"}`);
  }
  if (host.mayBeNew && (await isNew(host.journal, record))) {
    const { errorInfo, stopping } = record;
    const progress = await foldJournal(host.journal, record);
    const execution = host.makeExecution(record, definition, { progress, stopping, errorInfo });
    host.running(execution);
    await execution.resume();
    return;
  }
  const interruption = await findInterruption(host.journal, record);
  const progress = await foldJournal(host.journal, record);
  const interrupted = [...progress.open].filter(([, message]) => message.inFlight).map(([id]) => id);
  const errorInfo = record.errorInfo?.code === INTERRUPTED ? null : record.errorInfo;
  const execution = host.makeExecution(record, definition, { progress, stopping: record.stopping, errorInfo });
  if (interrupted.length > 0) await host.work.countInterruption(record.id, interrupted);
  await host.journal.append({
    executionId: record.id,
    events: [],
    lifecycle: {
      kind: "resumed",
      at: new Date(host.clock.now()).toISOString(),
      redone: interrupted.length,
      interruption,
    },
    record: { status: "running", errorInfo },
  });
  host.running(execution);
  await execution.resume();
  host.log.info(`Execution ${record.id} is taken up again; ${interrupted.length} messages were in flight.`, {
    execution_id: record.id,
    root_correlation_id: record.rootCorrelationId,
  });
}

/** Whether nothing has happened to it but that it was started: it is not taken up again. */
async function isNew(journal: Journal, { id }: ExecutionRecord): Promise<boolean> {
  const last = await journal.lastLifecycle(id);
  if (last?.kind !== "started") return false;
  const bounds = await journal.bounds(id);
  return bounds?.lastEvent === bounds?.start;
}

async function interrupt(host: RecoveryHost, record: ExecutionRecord, reason: string): Promise<void> {
  const message = knownSecrets.redact(reason);
  const said = `Execution ${record.id} cannot be taken up: ${message}`;
  const fields = { execution_id: record.id, root_correlation_id: record.rootCorrelationId };
  if (record.status === "interrupted") {
    host.log.debug(said, fields);
    return;
  }
  host.log.error(said, fields);
  const interruption = await findInterruption(host.journal, record);
  const error = { code: INTERRUPTED, message, interrupted_at: interruption.at, interrupted_by: interruption.by };
  await host.journal.append({
    executionId: record.id,
    events: [],
    lifecycle: { kind: "interrupted", at: new Date(host.clock.now()).toISOString(), error, interruption },
    // Why it was coming to an end anyway is worth more.
    record: { status: "interrupted", errorInfo: record.errorInfo ?? error },
  });
}
