import { AsyncLocalStorage } from "node:async_hooks";
import { type ErrorInfo, isTerminal, MillraceError, type Progress, type TerminalStatus } from "@millrace/protocol";
import type { AdapterLog } from "../adapter.ts";
import type { AdapterThreads } from "../adapter-threads.ts";
import type { ContentCache } from "../cache-port.ts";
import type { Placement } from "../cluster/placement.ts";
import { releaseExecutions } from "../cluster/release.ts";
import type { Definition } from "../definition/definition.ts";
import type { EngineLoad, EngineObserver } from "../observer.ts";
import type { Clock, ExecutionRecord, Failures, Ids, Journal, ObjectStore, Records, WorkQueue } from "../ports.ts";
import type { Flow } from "../route/flow.ts";
import type { SearchIndexes } from "../search-port.ts";
import { ExecutionTrace } from "../trace/execution-trace.ts";
import type { Tracer } from "../trace/tracer-port.ts";
import { ChildExecutions } from "./child-executions.ts";
import { deleteExecution, sweepDeleted } from "./deletion.ts";
import { EndWaiters } from "./end-waiters.ts";
import { Execution } from "./execution.ts";
import type { ExecutionSettings, RunningRecord, Spread } from "./execution-parts.ts";
import type { Executions, Pipeline, Retried, RetryFailures, StartExecution } from "./executions.ts";
import { FailureRetry } from "./failure-retry.ts";
import { foldJournal } from "./fold-journal.ts";
import { hasMoved } from "./has-moved.ts";
import { HeldUp } from "./held-up.ts";
import { InterruptedEnds } from "./interrupted-ends.ts";
import { LoopTurn } from "./loop-turn.ts";
import { mustBeWritable } from "./must-be-writable.ts";
import { progressFromJson } from "./progress-json.ts";
import { partsOfProject } from "./project-parts.ts";
import { type LoadDefinition, recoverExecutions } from "./recovery.ts";
import { Starts } from "./starts.ts";

/** What the engine stands on. */
export interface EngineParts {
  readonly journal: Journal;
  readonly work: WorkQueue;
  readonly failures: Failures;
  readonly records: Records;
  readonly objects: ObjectStore;
  /** Without it, adapters have no collections to put documents into. */
  readonly search?: SearchIndexes;
  /** Without it, what models answer is not kept. */
  readonly cache?: ContentCache;
  /** Without it, a pipeline that isolates an adapter is not started. */
  readonly threads?: AdapterThreads;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Of a service of many nodes; without it this process is the whole service. */
  readonly placement?: Placement;
  /** Without it every message is worked on here, at once. */
  readonly spread?: Spread;
  readonly observer?: EngineObserver;
  /** Without it no traces are made. */
  readonly tracer?: Tracer;
  /** Compiles the frozen configuration of an execution that is taken up again. */
  readonly loadDefinition: LoadDefinition;
  /**
   * The stored config of that name, or id, in the project; without it no pipeline runs another.
   * @throws MillraceError CONFIG_NOT_FOUND, CONFIG_INACTIVE, CONFIG_INVALID
   */
  findPipeline?(project: string, config: string): Promise<Pipeline>;
  log(fields: Record<string, unknown>): AdapterLog;
}

/** What an operator sets. */
export interface EngineSettings extends ExecutionSettings {
  /** Executions that may run at once. */
  readonly maxExecutions: number;
}

/**
 * Runs executions: those that are started, and after {@link recover} those that a process before this one left; in a
 * service of many nodes those that this one owns.
 *
 * States: *open* → *closing* (nothing is started; executions pause) → closed.
 */
export class Engine implements Executions {
  readonly #parts: EngineParts;
  readonly #settings: EngineSettings;
  readonly #running = new Map<string, Execution>();
  readonly #waiters = new EndWaiters();
  readonly #traces = new AsyncLocalStorage<{ execution: Execution; flow: Flow }>();
  readonly #log: AdapterLog;
  readonly #turn = new LoopTurn();
  readonly #starts: Starts;
  readonly #failureRetry: FailureRetry;
  readonly #children: ChildExecutions | null;
  readonly #ends: InterruptedEnds;
  readonly #heldUp: HeldUp;
  #closing = false;

  constructor(parts: EngineParts, settings: EngineSettings) {
    this.#parts = parts;
    this.#settings = settings;
    this.#log = parts.log({ component: "engine" });
    const { journal, work, failures, records, ids, clock, placement = null, tracer = null } = parts;
    const { maxExecutions, maxPayloadBytes, keepPayloads } = settings;
    this.#ends = new InterruptedEnds({
      journal,
      work,
      keepPayloads,
      tracer,
      now: () => clock.now(),
      ended: (executionId, status) => {
        parts.observer?.executionEnded(status);
        this.#waiters.tell(executionId);
      },
    });
    this.#heldUp = new HeldUp({
      records,
      takeUp: (held) => this.takeUp(held),
      onFault: (error) => this.#log.warn(`Executions that wait for secrets cannot be taken up: ${error}`),
    });
    this.#starts = new Starts({
      records,
      ids,
      clock,
      maxExecutions,
      maxPayloadBytes,
      placement,
      tracer,
      log: this.#log,
      countRunning: () => this.#running.size,
      makeExecution: (record, definition, state) => this.#makeExecution(record, definition, state),
      running: (execution) => this.#running.set(execution.id, execution),
      created: () => parts.observer?.executionStarted(),
    });
    const findPipeline = parts.findPipeline?.bind(parts);
    this.#children =
      findPipeline === undefined
        ? null
        : new ChildExecutions({
            records,
            findPipeline,
            start: (input, beyondLimit) => this.#start(input, beyondLimit),
            running: () => this.#running,
            stop: (id, status, errorInfo) => this.stop(id, status, errorInfo),
            wait: (id, timeoutMs, signal) => this.wait(id, timeoutMs, signal),
            progress: (id) => this.progress(id),
            onFault: (id, error) => this.#report(id, error),
          });
    this.#failureRetry = new FailureRetry({
      failures,
      records,
      maxPayloadBytes,
      uuid: () => ids.uuid(),
      loadDefinition: (yaml, project) => parts.loadDefinition(yaml, project),
      running: (executionId) => this.#running.get(executionId),
      over: async (executionId) => {
        const over = this.#waiters.whenOver(executionId);
        if (this.#running.has(executionId)) await over.promise;
        over.cancel();
      },
      notHere: (executionId) =>
        placement === null || this.#closing
          ? new MillraceError("SERVICE_UNAVAILABLE", "The service is shutting down.")
          : moved(executionId),
      start: (input) => this.start(input),
    });
  }

  /** Executions at work. */
  get running(): number {
    return this.#running.size;
  }

  /** What there is to do: goes through the routes of all that run here. */
  get load(): EngineLoad {
    let [unsettled, inFlight, deepestRoute] = [0, 0, 0];
    for (const execution of this.#running.values()) {
      inFlight += execution.inFlight;
      for (const depth of Object.values(execution.unsettled)) {
        unsettled += depth;
        deepestRoute = Math.max(deepestRoute, depth);
      }
    }
    return { executions: this.#running.size, unsettled, inFlight, deepestRoute };
  }

  async start(input: StartExecution): Promise<{ record: ExecutionRecord; created: boolean }> {
    return this.#start(input, false);
  }

  /** Whether the execution is at work here. */
  runs(executionId: string): boolean {
    return this.#running.has(executionId);
  }

  async stop(executionId: string, status: TerminalStatus, errorInfo: ErrorInfo | null): Promise<ExecutionRecord> {
    mustBeWritable(this.#parts.journal);
    await this.#heldUp.remove(executionId);
    const execution = this.#running.get(executionId);
    if (execution !== undefined) {
      const over = this.#waiters.whenOver(executionId);
      try {
        await execution.stop(status, errorInfo);
        if (this.#running.has(executionId)) await over.promise;
      } finally {
        over.cancel();
      }
      const record = await this.#record(executionId);
      if (this.#parts.placement !== undefined && !isTerminal(record.status)) throw moved(executionId);
      return record;
    }
    const record = await this.#record(executionId);
    if (isTerminal(record.status)) {
      throw new MillraceError(
        "STATUS_CHANGE_NOT_ALLOWED",
        `The execution is ${record.status}; only a running or interrupted one can be changed to ${status}.`,
      );
    }
    // Interrupted: nothing of it is at work here, nor taken up meanwhile.
    await this.#ends.end(record, status, errorInfo);
    return this.#record(executionId);
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
    return foldJournal(this.#parts.journal, record);
  }

  wait(executionId: string, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    const isOver = async () => {
      const record = await this.#parts.records.getExecution(executionId);
      return record === null || isTerminal(record.status);
    };
    return this.#waiters.wait(executionId, isOver, timeoutMs, signal);
  }

  async retry(executionId: string, request: RetryFailures): Promise<Retried> {
    if (this.#closing) throw new MillraceError("SERVICE_UNAVAILABLE", "The service is shutting down.");
    mustBeWritable(this.#parts.journal);
    return this.#failureRetry.retry(executionId, request);
  }

  frozenPipeline(record: ExecutionRecord): Promise<Pipeline> {
    return this.#failureRetry.frozenPipeline(record);
  }

  delete(executionId: string): Promise<void> {
    const { records, objects } = this.#parts;
    // What is being retried must not go meanwhile.
    return this.#failureRetry.inTurn(executionId, async () => {
      const record = await this.#record(executionId);
      if (!(await deleteExecution(record, { records, objects }, this.#log))) throw notFound(executionId);
    });
  }

  sweep(signal?: AbortSignal): Promise<void> {
    const { records, objects } = this.#parts;
    return sweepDeleted({ records, objects }, signal);
  }

  /** Takes up every execution that is not over. @see recoverExecutions */
  async recover(): Promise<void> {
    await this.takeUp(await this.#parts.records.unfinishedExecutions());
  }

  /** Takes up the given executions, which are this process's own by now. @see recoverExecutions */
  takeUp(records: readonly ExecutionRecord[]): Promise<void> {
    const { journal, work, clock } = this.#parts;
    if (records.length > 0) this.#parts.observer?.executionsTakenUp(records.length);
    const host = {
      journal,
      work,
      clock,
      log: this.#log,
      mayBeNew: this.#parts.placement !== undefined,
      loadDefinition: (yaml: string, project?: string) => this.#parts.loadDefinition(yaml, project),
      heldUp: (executionId: string) => {
        if (this.#parts.placement === undefined) this.#heldUp.add(executionId);
      },
      makeExecution: this.#makeExecution.bind(this),
      running: (execution: Execution) => this.#running.set(execution.id, execution),
    };
    return recoverExecutions(host, records);
  }

  /** Lets go of all executions without a word in the journal: this node owns none any more. */
  dropAll(): void {
    for (const execution of [...this.#running.values()]) this.#drop(execution);
  }

  /** Takes nothing more, and waits for what is in flight; what is left after `graceMs` is done again after a restart. */
  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    await this.#heldUp.stop();
    const executions = [...this.#running.values()];
    await Promise.all(executions.map((execution) => execution.pause(graceMs)));
    const { placement } = this.#parts;
    if (placement !== undefined) {
      await releaseExecutions(executions, placement, this.#log);
      for (const execution of executions) this.#running.delete(execution.id);
    }
    this.#waiters.tellAll();
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

  async #start(input: StartExecution, beyondLimit: boolean): Promise<{ record: ExecutionRecord; created: boolean }> {
    if (this.#closing) throw new MillraceError("SERVICE_UNAVAILABLE", "The service is shutting down.");
    return this.#starts.start(input, beyondLimit);
  }

  #makeExecution(
    record: RunningRecord,
    definition: Definition,
    state: { progress: Progress; stopping: TerminalStatus | null; errorInfo: ErrorInfo | null },
  ): Execution {
    const { journal, work, threads = null, spread = null, tracer, observer = null, clock, log } = this.#parts;
    const tracing = ExecutionTrace.of(tracer, record);
    const execution: Execution = new Execution(
      {
        id: record.id,
        project: record.project,
        rootCorrelationId: record.rootCorrelationId,
        definition,
        journal,
        work,
        ...partsOfProject(this.#parts, record.project, record.id),
        threads,
        children: this.#children,
        spread,
        tracing,
        clock,
        settings: this.#settings,
        turn: this.#turn,
        observer,
        log,
        trace: (flow, run) => this.#traces.run({ execution, flow }, run),
        onEnd: () => {
          this.#running.delete(record.id);
          this.#waiters.tell(record.id);
        },
        onFault: (error) => {
          if (hasMoved(error)) this.#drop(execution);
          else this.#report(record.id, error);
        },
      },
      state,
    );
    return execution;
  }

  /** Another node works on it, or may: whoever waits for it here is told, and asks there. */
  #drop(execution: Execution): void {
    execution.drop();
    if (this.#running.get(execution.id) !== execution) return;
    this.#running.delete(execution.id);
    this.#waiters.tell(execution.id);
  }

  #report(executionId: string, error: unknown): void {
    // What a store that is closed did not take any more is done after the next start: no fault of a shutdown.
    if (this.#closing && error instanceof MillraceError && error.code === "SERVICE_UNAVAILABLE") return;
    // What the store itself is at fault with is said of it once, and not of every message that it touches.
    if (error instanceof MillraceError && error.code === "STORE_DAMAGED") return;
    const text = error instanceof MillraceError ? error.message : error instanceof Error ? error.stack : error;
    this.#log.error(`Execution ${executionId}: ${text}`, { execution_id: executionId });
  }

  async #record(executionId: string): Promise<ExecutionRecord> {
    const record = await this.#parts.records.getExecution(executionId);
    if (record === null) throw notFound(executionId);
    return record;
  }
}

function moved(executionId: string): MillraceError {
  return new MillraceError("EXECUTION_MOVED", `Another node works on execution ${executionId} by now. Ask again.`);
}

function notFound(executionId: string): MillraceError {
  return new MillraceError("EXECUTION_NOT_FOUND", `There is no execution "${executionId}".`);
}
