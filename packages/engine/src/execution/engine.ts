import { AsyncLocalStorage } from "node:async_hooks";
import { hash } from "node:crypto";
import {
  type ErrorInfo,
  emptyProgress,
  foldEnded,
  foldEvent,
  foldRequeued,
  isTerminal,
  type JsonObject,
  type JsonValue,
  MillraceError,
  type Progress,
  type TerminalStatus,
  type ValidationReport,
} from "@millrace/protocol";
import type { AdapterLog } from "../adapter.ts";
import type { AdapterThreads } from "../adapter-threads.ts";
import type { Definition } from "../definition/definition.ts";
import type {
  Clock,
  ExecutionRecord,
  Failures,
  FirstMessages,
  Ids,
  Journal,
  JournalEntry,
  NewMessage,
  ObjectStore,
  Records,
  WorkQueue,
} from "../ports.ts";
import type { Flow } from "../route/flow.ts";
import { dropInterrupted } from "./drop-interrupted.ts";
import { Execution } from "./execution.ts";
import type { ExecutionSettings } from "./execution-parts.ts";
import type { Executions, Pipeline, Retried, RetryFailures, StartExecution } from "./executions.ts";
import { FailureRetry } from "./failure-retry.ts";
import { eventsOf } from "./journal-events.ts";
import { LoopTurn } from "./loop-turn.ts";
import { progressFromJson, progressToJson } from "./progress-json.ts";

/** What the engine stands on. */
export interface EngineParts {
  readonly journal: Journal;
  readonly work: WorkQueue;
  readonly failures: Failures;
  readonly records: Records;
  readonly objects: ObjectStore;
  /** Without it, a pipeline that isolates an adapter is not started. */
  readonly threads?: AdapterThreads;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Compiles the frozen configuration of an execution that is taken up again. */
  loadDefinition(yaml: string): Promise<{ readonly definition: Definition | null; readonly report: ValidationReport }>;
  log(fields: Record<string, unknown>): AdapterLog;
}

/** Limits that an operator sets. */
export interface EngineSettings extends ExecutionSettings {
  /** Executions that may run at once. */
  readonly maxExecutions: number;
}

/** Bytes of the journal that are folded between two turns of the event loop. */
const FOLD_PAGE_BYTES = 512 * 1024;

/** Executions that are taken up at a time: each holds a page of its journal meanwhile. */
const TAKEN_UP_AT_ONCE = 64;

/** What a deleted execution left is removed in steps of so many bytes, each a commit, with a pause behind it. */
const PURGED_AT_ONCE_BYTES = 1024 * 1024;
const PURGE_PAUSE_MS = 5;

const SWEPT_AT_ONCE = 100;

/** The code of an execution's error while it cannot be taken up. */
const INTERRUPTED = "INTERRUPTED";

/**
 * Runs executions: those that are started, and after {@link recover} those that a process before this one left.
 *
 * States: *open* → *closing* (nothing is started; executions pause) → closed.
 */
export class Engine implements Executions {
  readonly #parts: EngineParts;
  readonly #settings: EngineSettings;
  readonly #running = new Map<string, Execution>();
  readonly #waiters = new Map<string, Set<() => void>>();
  readonly #traces = new AsyncLocalStorage<{ execution: Execution; flow: Flow }>();
  readonly #log: AdapterLog;
  readonly #turn = new LoopTurn();
  readonly #failureRetry: FailureRetry;
  /** Executions that are being started, and count against the limit already. */
  #starting = 0;
  /** The last start that was asked for with each idempotency key, until it is done. */
  readonly #startingKeys = new Map<string, Promise<void>>();
  /** Executions that are being ended without having been taken up. */
  readonly #endings = new Map<string, Promise<void>>();
  #closing = false;

  constructor(parts: EngineParts, settings: EngineSettings) {
    this.#parts = parts;
    this.#settings = settings;
    this.#log = parts.log({ component: "engine" });
    const { failures, records } = parts;
    this.#failureRetry = new FailureRetry({
      failures,
      records,
      maxPayloadBytes: settings.maxPayloadBytes,
      uuid: () => parts.ids.uuid(),
      loadDefinition: (yaml) => parts.loadDefinition(yaml),
      running: (executionId) => this.#running.get(executionId),
      over: async (executionId) => {
        const over = this.#whenOver(executionId);
        if (this.#running.has(executionId)) await over.promise;
        over.cancel();
      },
      start: (input) => this.start(input),
    });
  }

  /** Executions at work. */
  get running(): number {
    return this.#running.size;
  }

  async start(input: StartExecution): Promise<{ record: ExecutionRecord; created: boolean }> {
    if (this.#closing) throw new MillraceError("SERVICE_UNAVAILABLE", "The service is shutting down.");
    const key = input.idempotencyKey ?? null;
    if (key === null) return this.#startCounted(input);
    // One after the other: those who come while its first is still being started get that one, whatever the limits say.
    const before = this.#startingKeys.get(key) ?? Promise.resolve();
    const starting = before.then(() => this.#startWithKey(key, input));
    const settled = starting
      .catch(() => {})
      .then(() => {
        if (this.#startingKeys.get(key) === settled) this.#startingKeys.delete(key);
      });
    this.#startingKeys.set(key, settled);
    return starting;
  }

  async #startWithKey(key: string, input: StartExecution): Promise<{ record: ExecutionRecord; created: boolean }> {
    const known = await this.#parts.records.getExecutionByIdempotencyKey(key);
    if (known !== null && known.configId === (input.config?.id ?? null)) return { record: known, created: false };
    return this.#startCounted(input);
  }

  async #startCounted(input: StartExecution): Promise<{ record: ExecutionRecord; created: boolean }> {
    if (this.#running.size + this.#starting >= this.#settings.maxExecutions) {
      throw new MillraceError(
        "TOO_MANY_EXECUTIONS",
        `${this.#settings.maxExecutions} executions are running, as many as max_executions allows. Wait for one to end, or cancel one.`,
      );
    }
    this.#starting += 1;
    try {
      return await this.#create(input);
    } finally {
      this.#starting -= 1;
    }
  }

  async #create(input: StartExecution): Promise<{ record: ExecutionRecord; created: boolean }> {
    const { records, ids, clock } = this.#parts;
    const id = ids.uuid();
    const rootCorrelationId = input.rootCorrelationId ?? ids.uuid();
    const { first: many } = input;
    const counts = many === undefined ? null : countByRoute(many);
    const init = input.skipInitMessage || many !== undefined ? null : input.definition.initMessage;
    const payload: JsonObject | null = init === null ? null : { ...init.payload, ...input.initPayload };
    const first: NewMessage | null =
      init === null || payload === null
        ? null
        : { id: rootCorrelationId, parentId: null, route: init.route, payloadJson: this.#encode(payload), hops: 0 };
    // Adapters are prepared before anything is written: one that refuses leaves nothing behind.
    const execution = this.#makeExecution({ id, rootCorrelationId }, input.definition, {
      progress: emptyProgress(counts ?? first?.route ?? null),
      stopping: null,
      errorInfo: null,
    });
    const { record, created, firstSeq } = await records.createExecution(
      {
        id,
        configId: input.config?.id ?? null,
        startedAt: new Date(clock.now()).toISOString(),
        parentExecutionId: input.origin?.executionId ?? null,
        replaySource: input.origin?.source ?? null,
        tag: input.tag ?? null,
        configSnapshot: {
          config_id: input.config?.id ?? null,
          name: input.config?.name ?? input.definition.name,
          version: input.config?.version ?? null,
          config_hash: hash("sha256", input.configYaml),
          config_yaml: input.configYaml,
          document: input.definition.document,
          outline: outlineOf(input.definition),
          init_message: init === null ? null : { route: init.route, payload },
          ...(counts === null ? {} : { first_messages: counts }),
        },
        rootCorrelationId,
        metadata: input.metadata ?? {},
        idempotencyKey: input.idempotencyKey ?? null,
      },
      many ?? first,
    );
    if (!created) return { record, created };
    this.#running.set(id, execution);
    if (counts !== null) {
      execution.beginWithMany(counts);
      return { record, created };
    }
    execution.begin(
      first === null || firstSeq === null
        ? null
        : {
            ...first,
            seq: firstSeq,
            attempt: 1,
            failures: 0,
            dueAt: 0,
            emittedOutputs: 0,
            emitted: {},
            interruptions: 0,
          },
    );
    return { record, created };
  }

  async stop(executionId: string, status: TerminalStatus, errorInfo: ErrorInfo | null): Promise<ExecutionRecord> {
    const execution = this.#running.get(executionId);
    if (execution !== undefined) {
      const over = this.#whenOver(executionId);
      await execution.stop(status, errorInfo);
      if (this.#running.has(executionId)) await over.promise;
      over.cancel();
      return this.#record(executionId);
    }
    const record = await this.#record(executionId);
    if (isTerminal(record.status)) {
      throw new MillraceError(
        "STATUS_CHANGE_NOT_ALLOWED",
        `The execution is ${record.status}; only a running or interrupted one can be changed to ${status}.`,
      );
    }
    // Interrupted: nothing of it is at work here. Of several who end it at once the first one's word counts.
    const ending = this.#endings.get(executionId);
    if (ending !== undefined) {
      await ending;
      return this.#record(executionId);
    }
    const mine = this.#endInterrupted(record, status, errorInfo).finally(() => this.#endings.delete(executionId));
    this.#endings.set(executionId, mine);
    await mine;
    return this.#record(executionId);
  }

  async #endInterrupted(record: ExecutionRecord, status: TerminalStatus, errorInfo: ErrorInfo | null): Promise<void> {
    const { journal, work, clock } = this.#parts;
    const progress = await this.#fold(record);
    const at = new Date(clock.now()).toISOString();
    const { events, changes } = await dropInterrupted(work, record, progress, at);
    for (const event of events) foldEvent(progress, event);
    foldEnded(progress);
    await journal.append({
      executionId: record.id,
      events,
      changes,
      lifecycle: { kind: "ended", at, status },
      record: {
        status,
        completedAt: at,
        stopping: null,
        // Why it could not go on is nothing that is wrong with one that is declared completed.
        errorInfo: errorInfo ?? (status === "completed" ? null : record.errorInfo),
        progressJson: progressToJson(progress),
      },
    });
    this.#tellWaiters(record.id);
  }

  async depths(executionId: string): Promise<Readonly<Record<string, number>>> {
    // Those at work know; to count a million in the store takes its time.
    return this.#running.get(executionId)?.unsettled ?? this.#parts.work.depths(executionId);
  }

  async progress(executionId: string): Promise<Progress | null> {
    const execution = this.#running.get(executionId);
    if (execution !== undefined) return execution.progress;
    const record = await this.#parts.records.getExecution(executionId);
    if (record === null) return null;
    if (record.progressJson !== null) return progressFromJson(record.progressJson);
    return this.#fold(record);
  }

  async wait(executionId: string, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    const over = this.#whenOver(executionId);
    let timer: NodeJS.Timeout | undefined;
    let onAbort = () => {};
    try {
      const record = await this.#parts.records.getExecution(executionId);
      if (record === null || isTerminal(record.status)) return true;
      const elapsed = new Promise<false>((resolve) => {
        onAbort = () => resolve(false);
        timer = setTimeout(onAbort, timeoutMs);
        signal?.addEventListener("abort", onAbort, { once: true });
        if (signal?.aborted) onAbort();
      });
      return await Promise.race([over.promise.then(() => true), elapsed]);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      over.cancel();
    }
  }

  retry(executionId: string, request: RetryFailures): Promise<Retried> {
    if (this.#closing) return Promise.reject(new MillraceError("SERVICE_UNAVAILABLE", "The service is shutting down."));
    return this.#failureRetry.retry(executionId, request);
  }

  /**
   * The pipeline that an execution was started with.
   * @throws MillraceError CONFIG_INVALID where it does not load any more
   */
  frozenPipeline(record: ExecutionRecord): Promise<Pipeline> {
    return this.#failureRetry.frozenPipeline(record);
  }

  delete(executionId: string): Promise<void> {
    // What is being retried must not go meanwhile.
    return this.#failureRetry.inTurn(executionId, () => this.#delete(executionId));
  }

  async #delete(executionId: string): Promise<void> {
    const record = await this.#record(executionId);
    if (!isTerminal(record.status)) {
      throw new MillraceError(
        "EXECUTION_RUNNING",
        `The execution is ${record.status}. Cancel it first, then delete it.`,
      );
    }
    if (!(await this.#parts.records.deleteExecution(record.id))) {
      throw new MillraceError("EXECUTION_NOT_FOUND", `There is no execution "${executionId}".`);
    }
    try {
      await this.#purge(record.id);
    } catch (error) {
      // It is deleted all the same; what it left is removed with the next sweep.
      this.#log.error(`What execution ${record.id} left cannot be removed yet: ${messageOf(error)}`);
    }
  }

  async sweep(signal?: AbortSignal): Promise<void> {
    while (true) {
      const ids = await this.#parts.records.deletedExecutions(SWEPT_AT_ONCE);
      const failures: unknown[] = [];
      for (const id of ids) {
        if (signal?.aborted) return;
        await this.#purge(id).catch((error) => failures.push(error));
      }
      if (failures.length > 0) throw failures[0];
      if (ids.length < SWEPT_AT_ONCE) return;
    }
  }

  /** Objects first: with the last row it is forgotten that there was anything. */
  async #purge(executionId: string): Promise<void> {
    await this.#parts.objects.deleteAll(`executions/${executionId}/`);
    while (!(await this.#parts.records.purgeExecution(executionId, PURGED_AT_ONCE_BYTES))) {
      // Commits of those that run are not to wait for a row of such steps.
      await new Promise((resolve) => setTimeout(resolve, PURGE_PAUSE_MS));
    }
  }

  /** Takes up every execution that is not over. One whose configuration does not load any more is `interrupted`. */
  async recover(): Promise<void> {
    const records = await this.#parts.records.unfinishedExecutions();
    // Executions of one configuration share what it is compiled to; and several are taken up at a time, so that what
    // they write goes into common commits.
    const definitions = new Map<string, ReturnType<EngineParts["loadDefinition"]>>();
    const load = (yaml: string) => {
      const loading = definitions.get(yaml) ?? this.#parts.loadDefinition(yaml);
      definitions.set(yaml, loading);
      return loading;
    };
    let next = 0;
    const lane = async () => {
      for (let record = records[next]; record !== undefined; record = records[next]) {
        next += 1;
        try {
          await this.#takeUp(record, load);
        } catch (error) {
          await this.#interrupt(record, messageOf(error));
        }
      }
    };
    await Promise.all(Array.from({ length: TAKEN_UP_AT_ONCE }, lane));
  }

  /** Takes nothing more, and waits for what is in flight; what is left after `graceMs` is done again after a restart. */
  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    await Promise.all([...this.#running.values()].map((execution) => execution.pause(graceMs)));
    for (const executionId of this.#waiters.keys()) this.#tellWaiters(executionId);
  }

  /** To be called when the process exits: an adapter that ended it is told of in the journal. */
  blameExit(): boolean {
    const trace = this.#traces.getStore();
    if (trace === undefined || this.#closing) return false;
    trace.execution.blame(trace.flow);
    return true;
  }

  /** What an adapter let escape (a timer of its own that threw). True where it could be traced to its message. */
  blameError(error: unknown): boolean {
    const trace = this.#traces.getStore();
    if (trace === undefined) return false;
    trace.execution.failFlow(trace.flow, error);
    return true;
  }

  async #takeUp(record: ExecutionRecord, load: EngineParts["loadDefinition"]): Promise<void> {
    const { definition, report } = await load(String(record.configSnapshot.config_yaml));
    if (definition === null) {
      const [finding] = report.issues;
      throw new Error(`The execution's configuration does not load any more: ${finding?.message ?? "it has errors"}`);
    }
    const progress = await this.#fold(record);
    const interrupted = [...progress.open].filter(([, message]) => message.inFlight).map(([id]) => id);
    const errorInfo = record.errorInfo?.code === INTERRUPTED ? null : record.errorInfo;
    const execution = this.#makeExecution(record, definition, { progress, stopping: record.stopping, errorInfo });
    if (interrupted.length > 0) await this.#parts.work.countInterruption(record.id, interrupted);
    await this.#parts.journal.append({
      executionId: record.id,
      events: [],
      lifecycle: { kind: "resumed", at: new Date(this.#parts.clock.now()).toISOString(), redone: interrupted.length },
      record: { status: "running", errorInfo },
    });
    this.#running.set(record.id, execution);
    await execution.resume();
    this.#log.info(`Execution ${record.id} is taken up again; ${interrupted.length} messages were in flight.`);
  }

  async #interrupt(record: ExecutionRecord, message: string): Promise<void> {
    this.#log.error(`Execution ${record.id} cannot be taken up: ${message}`);
    if (record.status === "interrupted") return;
    const error = { code: INTERRUPTED, message };
    await this.#parts.journal.append({
      executionId: record.id,
      events: [],
      lifecycle: { kind: "interrupted", at: new Date(this.#parts.clock.now()).toISOString(), error },
      // Why it was coming to an end anyway is worth more.
      record: { status: "interrupted", errorInfo: record.errorInfo ?? error },
    });
  }

  #makeExecution(
    record: { id: string; rootCorrelationId: string },
    definition: Definition,
    state: { progress: Progress; stopping: TerminalStatus | null; errorInfo: ErrorInfo | null },
  ): Execution {
    const { journal, work, objects, threads = null, clock, log } = this.#parts;
    const execution: Execution = new Execution(
      {
        id: record.id,
        rootCorrelationId: record.rootCorrelationId,
        definition,
        journal,
        work,
        objects,
        threads,
        clock,
        settings: this.#settings,
        turn: this.#turn,
        log: (fields) => log({ execution_id: record.id, ...fields }),
        trace: (flow, run) => this.#traces.run({ execution, flow }, run),
        onEnd: () => {
          this.#running.delete(record.id);
          this.#tellWaiters(record.id);
        },
        onFault: (error) => this.#report(record.id, error),
      },
      state,
    );
    return execution;
  }

  #report(executionId: string, error: unknown): void {
    // What a store that is closed did not take any more is done after the next start: no fault of a shutdown.
    if (this.#closing && error instanceof MillraceError && error.code === "SERVICE_UNAVAILABLE") return;
    this.#log.error(`Execution ${executionId}: ${error instanceof Error ? error.stack : error}`);
  }

  /** Folds the whole journal of an execution, a page per turn of the event loop. */
  async #fold(record: ExecutionRecord): Promise<Progress> {
    const progress = emptyProgress(firstOf(record));
    let after = 0;
    while (true) {
      const entries = await this.#parts.journal.read([record.id], after, FOLD_PAGE_BYTES);
      const last = entries.at(-1);
      if (last === undefined) return progress;
      for (const entry of entries) foldEntry(progress, entry);
      after = last.last;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async #record(executionId: string): Promise<ExecutionRecord> {
    const record = await this.#parts.records.getExecution(executionId);
    if (record === null) throw new MillraceError("EXECUTION_NOT_FOUND", `There is no execution "${executionId}".`);
    return record;
  }

  #whenOver(executionId: string): { promise: Promise<void>; cancel: () => void } {
    let tell = () => {};
    const promise = new Promise<void>((resolve) => {
      tell = resolve;
    });
    const waiters = this.#waiters.get(executionId) ?? new Set();
    waiters.add(tell);
    this.#waiters.set(executionId, waiters);
    return {
      promise,
      cancel: () => {
        waiters.delete(tell);
        if (waiters.size === 0 && this.#waiters.get(executionId) === waiters) this.#waiters.delete(executionId);
      },
    };
  }

  #tellWaiters(executionId: string): void {
    for (const tell of this.#waiters.get(executionId) ?? []) tell();
  }

  #encode(payload: JsonObject): string {
    const json = JSON.stringify(payload);
    const bytes = Buffer.byteLength(json);
    if (bytes > this.#settings.maxPayloadBytes) {
      throw new MillraceError(
        "PAYLOAD_TOO_LARGE",
        `The first message's payload has ${bytes} bytes; max_payload_bytes is ${this.#settings.maxPayloadBytes}.`,
      );
    }
    return json;
  }
}

/** Everything that an entry of the journal says of the state. */
function foldEntry(progress: Progress, entry: JournalEntry): void {
  for (const event of eventsOf(entry)) foldEvent(progress, event);
  if (entry.kind === "events") return;
  if (entry.lifecycle.kind === "requeued") foldRequeued(progress, entry.lifecycle.routes);
  if (entry.lifecycle.kind === "ended") foldEnded(progress);
}

/** What an execution began with, by its snapshot: the route of its first message, or how many there were per route. */
function firstOf(record: ExecutionRecord): string | Record<string, number> | null {
  const { init_message: init, first_messages: many } = record.configSnapshot;
  // The engine wrote it when the execution was started.
  if (many !== undefined) return many as Record<string, number>;
  const route = typeof init === "object" && init !== null && !Array.isArray(init) ? init.route : null;
  return typeof route === "string" ? route : null;
}

function countByRoute({ messages, copies }: FirstMessages): Record<string, number> {
  const counts: Record<string, number> = Object.create(null);
  for (const { route } of [...messages, ...copies]) counts[route] = (counts[route] ?? 0) + 1;
  return counts;
}

/** Routes and adapters by the names that events use: what views of the execution are laid out by. */
function outlineOf(definition: Definition): JsonValue {
  return definition.routes.map(({ route, name, steps, outbound }) => ({
    route,
    name,
    adapters: steps.map((step) => ({ type: step.type, name: step.name })),
    outbound: [...outbound],
  }));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
