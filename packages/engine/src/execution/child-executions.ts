import { setTimeout as sleep } from "node:timers/promises";
import { type ErrorInfo, isTerminal, MillraceError, type Progress, type TerminalStatus } from "@millrace/protocol";
import { AdapterError, type ChildOutcome, type ChildRequest, type Children } from "../adapter.ts";
import type { ExecutionRecord, Records } from "../ports.ts";
import type { Flow } from "../route/flow.ts";
import type { Pipeline, StartExecution } from "./executions.ts";

/** Executions within executions: a pipeline that runs itself comes to an end here. */
const MAX_DEPTH = 8;

/** How long it is waited in one go, in milliseconds: a child may be taken up by a process that starts again. */
const WAIT_MS = 30_000;

/** When it is tried again to start a child while as many executions run as may, in milliseconds. */
const FULL_MS = 500;

/** Where the record of a child says what it is a part of. */
const METADATA = "subpipeline";

/** What children need of the engine. */
export interface ChildHost {
  readonly records: Records;
  /** @throws MillraceError CONFIG_NOT_FOUND, CONFIG_INACTIVE, CONFIG_INVALID */
  findPipeline(project: string, config: string): Promise<Pipeline>;
  /** `beyondLimit`: although as many executions run as may. */
  start(input: StartExecution, beyondLimit: boolean): Promise<{ record: ExecutionRecord; created: boolean }>;
  /** Executions at work in this process, by their ids. */
  running(): ReadonlyMap<string, unknown>;
  stop(executionId: string, status: TerminalStatus, errorInfo: ErrorInfo | null): Promise<ExecutionRecord>;
  wait(executionId: string, timeoutMs: number, signal?: AbortSignal): Promise<boolean>;
  progress(executionId: string): Promise<Progress | null>;
  onFault(executionId: string, error: unknown): void;
}

/** Executions that steps run as a part of their own work. */
export class ChildExecutions {
  readonly #host: ChildHost;
  /** Children that are waited for, each with the execution that does. */
  readonly #awaited = new Map<string, string>();
  /** Executions that wait for a place for a child, each as often as it does. */
  readonly #placeless: string[] = [];
  /** Whether a child is being started although as many executions run as may. */
  #admitting = false;

  constructor(host: ChildHost) {
    this.#host = host;
  }

  /** As the step at a place of a chain has them while it works on a message. */
  of(flow: Flow, stepIndex: number): Children {
    return { run: (request) => this.#run(flow, stepIndex, request) };
  }

  async #run(flow: Flow, stepIndex: number, request: ChildRequest): Promise<ChildOutcome> {
    const { executionId } = flow.host;
    const { id, attempt } = flow.message;
    const key = `subpipeline:${executionId}:${id}:${stepIndex}:${request.piece}:${attempt}`;
    const known = await this.#host.records.getExecutionByIdempotencyKey(flow.host.project, key);
    const child = known ?? (await this.#start(flow, stepIndex, request, key));
    // Also of one that was told to stop while its child was being started.
    const onAbort = () => this.#abort(flow, child.id);
    flow.signal.addEventListener("abort", onAbort, { once: true });
    if (flow.signal.aborted) onAbort();
    this.#awaited.set(child.id, executionId);
    try {
      while (!(await this.#host.wait(child.id, WAIT_MS, flow.signal))) flow.signal.throwIfAborted();
    } finally {
      this.#awaited.delete(child.id);
      flow.signal.removeEventListener("abort", onAbort);
    }
    return this.#outcome(child.id);
  }

  async #start(flow: Flow, stepIndex: number, request: ChildRequest, key: string): Promise<ExecutionRecord> {
    const { executionId } = flow.host;
    const parent = await this.#host.records.getExecution(executionId);
    const depth = depthOf(parent) + 1;
    if (depth > MAX_DEPTH) {
      const text = `The pipeline "${request.config}" would be ${depth} executions below the first one; ${MAX_DEPTH} are allowed. Does it run itself?`;
      throw new AdapterError("SUBPIPELINE_TOO_DEEP", text, { retryable: false });
    }
    const { project } = flow.host;
    const pipeline = await this.#find(project, request.config);
    const input: StartExecution = {
      ...pipeline,
      project,
      initPayload: request.payload,
      idempotencyKey: key,
      metadata: { [METADATA]: { depth, message_id: flow.message.id, route: flow.message.route } },
      parentExecutionId: executionId,
      trace: flow.host.trace?.stepContext(flow.message, stepIndex) ?? null,
    };
    this.#placeless.push(executionId);
    try {
      while (true) {
        flow.signal.throwIfAborted();
        try {
          return (await this.#host.start(input, false)).record;
        } catch (error) {
          if (!(error instanceof MillraceError)) throw error;
          if (error.code === "CONFIG_INVALID") throw notRunnable(error);
          if (error.code !== "TOO_MANY_EXECUTIONS") throw error;
        }
        if (this.#isStuck()) {
          // One at a time: that one changes what the others find.
          this.#admitting = true;
          try {
            return (await this.#host.start(input, true)).record;
          } finally {
            this.#admitting = false;
          }
        }
        await sleep(FULL_MS, undefined, { signal: flow.signal });
      }
    } finally {
      this.#placeless.splice(this.#placeless.indexOf(executionId), 1);
    }
  }

  /**
   * Whether every execution here waits for a child, and each of the children for a place: none would end, so that no place
   * came free. One more than may run then does, which ends that.
   */
  #isStuck(): boolean {
    if (this.#admitting) return false;
    const running = this.#host.running();
    // A child at another node goes on there, or finds out the same.
    if ([...this.#awaited.keys()].some((child) => !running.has(child))) return false;
    const waiting = new Set([...this.#placeless, ...this.#awaited.values()]);
    return [...running.keys()].every((id) => waiting.has(id));
  }

  async #find(project: string, config: string): Promise<Pipeline> {
    try {
      return await this.#host.findPipeline(project, config);
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error;
      if (error.code === "CONFIG_NOT_FOUND") {
        const text = `There is no stored config "${config}". Store one of that name.`;
        throw new AdapterError("SUBPIPELINE_NOT_FOUND", text, { retryable: false, cause: error });
      }
      if (error.code === "CONFIG_INACTIVE" || error.code === "CONFIG_INVALID") throw notRunnable(error);
      throw error;
    }
  }

  /** A shutdown leaves it alone: it is found again. */
  #abort(flow: Flow, childId: string): void {
    if (flow.abortCause !== "cancelled" && flow.abortCause !== "timeout") return;
    const message =
      flow.abortCause === "timeout"
        ? "The step that runs it took too long (timeout_seconds)."
        : "The execution that it is a part of was stopped.";
    this.#host.stop(childId, "cancelled", { code: "CANCELLED", message }).catch((error: unknown) => {
      const isOver = error instanceof MillraceError && error.code === "STATUS_CHANGE_NOT_ALLOWED";
      if (!isOver) this.#host.onFault(childId, error);
    });
  }

  async #outcome(childId: string): Promise<ChildOutcome> {
    const [record, progress] = await Promise.all([
      this.#host.records.getExecution(childId),
      this.#host.progress(childId),
    ]);
    if (record === null || progress === null || !isTerminal(record.status)) {
      const text = `The execution ${childId}, which ran for this message, is gone.`;
      throw new AdapterError("SUBPIPELINE_FAILED", text, { retryable: true });
    }
    const { status, errorInfo } = record;
    return { executionId: childId, status, errorInfo, completed: progress.completed, failed: progress.failed };
  }
}

function depthOf(record: ExecutionRecord | null): number {
  const own = record?.metadata[METADATA];
  if (typeof own !== "object" || own === null || Array.isArray(own)) return 0;
  return typeof own.depth === "number" ? own.depth : 0;
}

function notRunnable(error: MillraceError): AdapterError {
  return new AdapterError("SUBPIPELINE_NOT_RUNNABLE", error.message, { retryable: false, cause: error });
}
