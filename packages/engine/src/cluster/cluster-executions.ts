import { randomUUID } from "node:crypto";
import { type ErrorInfo, isTerminal, MillraceError, type Progress, type TerminalStatus } from "@millrace/protocol";
import type { AdapterError, AdapterLog } from "../adapter.ts";
import { EndWaiters } from "../execution/end-waiters.ts";
import type { Engine } from "../execution/engine.ts";
import type { Executions, Pipeline, Retried, RetryFailures, StartExecution } from "../execution/executions.ts";
import { progressFromJson } from "../execution/progress-json.ts";
import type { EngineLoad } from "../observer.ts";
import type { NodeRecord } from "../ownership-port.ts";
import type { ExecutionRecord } from "../ports.ts";
import type { FrozenPipelines } from "../remote/frozen-pipelines.ts";
import type { Offers } from "../remote/offers.ts";
import type { RemoteWorker } from "../remote/remote-worker.ts";
import { askOwner, type Whereabouts, whereItIs } from "./ask-owner.ts";
import { assembleNode } from "./assemble-node.ts";
import type { Claims } from "./claims.ts";
import type { ClusterParts, ClusterSettings } from "./cluster-parts.ts";
import { encodeEnvelope } from "./envelope.ts";
import type { OrphanWatch } from "./orphan-watch.ts";
import type { OwnerAnswers } from "./owner-answers.ts";
import {
  depthsAnswerSchema,
  ORPHANS_SUBJECT,
  progressAnswerSchema,
  retryAnswerSchema,
  retryRequest,
  stopAnswerSchema,
} from "./owner-request.ts";

/** How long one looks for the node that works on an execution, in milliseconds: longer than a lease holds on. */
const CHANGE_PATIENCE_MS = 30_000;

/** How often it is looked whether all is committed, in milliseconds. */
const BACKLOG_LOOK_MS = 5;

/** Executions of which it is remembered who told of them last. */
const KNOWN_OWNERS = 1_000;

/** Whoever only wants to know reads it off the journal after so long. */
const READ_PATIENCE_MS = 1_500;

/**
 * Executions of a service of many nodes, as each of them drives all: what one asks for is done by the node that works on
 * the execution, wherever that is.
 *
 * States: *open* → *closing* (claims nothing; what it owns pauses, and is released) → closed.
 */
export class ClusterExecutions implements Executions {
  readonly #parts: ClusterParts;
  readonly #settings: ClusterSettings;
  readonly #engine: Engine;
  readonly #claims: Claims;
  readonly #watch: OrphanWatch;
  readonly #answers: OwnerAnswers;
  readonly #offers: Offers;
  readonly #worker: RemoteWorker;
  readonly #pipelines: FrozenPipelines;
  readonly #waiters = new EndWaiters();
  readonly #lastOwners = new Map<string, NodeRecord>();
  readonly #log: AdapterLog;
  readonly #unsubscribe: (() => void)[] = [];

  constructor(parts: ClusterParts, settings: ClusterSettings) {
    this.#parts = parts;
    this.#settings = settings;
    this.#log = parts.log({ component: "cluster" });
    const node = assembleNode(parts, settings, this.#log, () => this.#announce());
    this.#engine = node.engine;
    this.#claims = node.claims;
    this.#watch = node.watch;
    this.#answers = node.answers;
    this.#offers = node.offers;
    this.#worker = node.worker;
    this.#pipelines = node.pipelines;
  }

  /** Begins to answer, and (where this node takes executions) to claim. */
  open(): void {
    const { ownership, bus, journal } = this.#parts;
    this.#answers.answerAs(ownership.nodeId);
    this.#offers.answerAs(ownership.nodeId);
    this.#unsubscribe.push(
      journal.onCommit((entries) => {
        for (const entry of entries) {
          if (entry.kind !== "lifecycle" || entry.lifecycle.kind !== "ended") continue;
          this.#waiters.tell(entry.executionId);
          this.#pipelines.forget(entry.executionId);
          this.#lastOwners.delete(entry.executionId);
        }
      }),
      ownership.onLost(() => {
        this.#log.warn("This node's lease was lost: others go on with what it worked on. It begins anew.");
        this.#engine.dropAll();
        this.#claims.forget();
        this.#answers.answerAs(ownership.nodeId);
        this.#offers.answerAs(ownership.nodeId);
        this.#worker.listenAs(ownership.nodeId);
        if (this.#settings.engine) this.#claims.look();
      }),
    );
    this.#watch.start();
    if (!this.#settings.engine) return;
    this.#unsubscribe.push(bus.subscribe(ORPHANS_SUBJECT, () => this.#claims.look()));
    this.#claims.start();
    this.#worker.open(ownership.nodeId);
  }

  /** Executions at work on this node. */
  get running(): number {
    return this.#engine.running;
  }

  /** Messages of other nodes' executions that this one works on. */
  get workingForOthers(): number {
    return this.#worker.running;
  }

  /** @see Engine.load */
  get load(): EngineLoad {
    return this.#engine.load;
  }

  start(input: StartExecution): Promise<{ record: ExecutionRecord; created: boolean }> {
    return this.#engine.start(input);
  }

  async stop(executionId: string, status: TerminalStatus, errorInfo: ErrorInfo | null): Promise<ExecutionRecord> {
    const { ownership, bus } = this.#parts;
    const request = { kind: "stop", request: randomUUID(), execution: executionId, status, errorInfo } as const;
    let asked = false;
    return this.#where(executionId, CHANGE_PATIENCE_MS, {
      here: () => {
        asked = true;
        return this.#engine.stop(executionId, status, errorInfo);
      },
      there: async (owner) => {
        asked = true;
        await askOwner(bus, owner, request, stopAnswerSchema);
        return this.#record(executionId);
      },
      nowhere: async () => {
        const [claimed] = await ownership.claim({ limit: 1, ids: [executionId] });
        return claimed === undefined ? undefined : this.#endClaimed(executionId, status, errorInfo);
      },
      otherwise: async () => {
        const record = await this.#record(executionId);
        // It was ended by whoever it was asked of before, whose answer was lost.
        if (asked && record.status === status) return record;
        // It says what is wrong with that; one that this node cannot take up it ends.
        const local = isTerminal(record.status) || this.#claims.isHeldUp(executionId);
        return local ? this.#engine.stop(executionId, status, errorInfo) : undefined;
      },
    });
  }

  /** Ends what was claimed for no more than that. */
  async #endClaimed(executionId: string, status: TerminalStatus, errorInfo: ErrorInfo | null) {
    try {
      return await this.#engine.stop(executionId, status, errorInfo);
    } catch (error) {
      await this.#parts.ownership.release([executionId]);
      throw error;
    }
  }

  async retry(executionId: string, asked: RetryFailures): Promise<Retried> {
    const { bus, records } = this.#parts;
    const request = retryRequest(executionId, asked);
    return this.#where(executionId, CHANGE_PATIENCE_MS, {
      here: () => this.#engine.retry(executionId, asked),
      there: async (owner) => {
        const { record, ...done } = await askOwner(bus, owner, request, retryAnswerSchema);
        return { ...done, record: record === null ? null : await records.getExecution(record) };
      },
      nowhere: async () => undefined,
      otherwise: async () => {
        const { status } = await this.#record(executionId);
        return status === "running" ? undefined : this.#engine.retry(executionId, asked);
      },
    });
  }

  async progress(executionId: string): Promise<Progress | null> {
    const { bus, records } = this.#parts;
    const request = { kind: "progress", request: randomUUID(), execution: executionId } as const;
    return this.#read<Progress | null>(executionId, () => this.#engine.progress(executionId), {
      there: async (owner) => {
        const { progress } = await askOwner(bus, owner, request, progressAnswerSchema);
        return progress === null ? this.#engine.progress(executionId) : progressFromJson(progress);
      },
      otherwise: async () => {
        const found = await records.findExecution(executionId);
        return found === null || isTerminal(found.status) ? this.#engine.progress(executionId) : undefined;
      },
    });
  }

  async depths(executionId: string): Promise<Readonly<Record<string, number>>> {
    const request = { kind: "depths", request: randomUUID(), execution: executionId } as const;
    return this.#read<Readonly<Record<string, number>>>(executionId, () => this.#engine.depths(executionId), {
      there: async (owner) => (await askOwner(this.#parts.bus, owner, request, depthsAnswerSchema)).depths,
      otherwise: async () => undefined,
    });
  }

  wait(executionId: string, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    const isOver = async () => {
      const found = await this.#parts.records.findExecution(executionId);
      return found === null || isTerminal(found.status);
    };
    return this.#waiters.wait(executionId, isOver, timeoutMs, signal);
  }

  delete(executionId: string): Promise<void> {
    // One that is over is nobody's.
    return this.#engine.delete(executionId);
  }

  sweep(signal?: AbortSignal): Promise<void> {
    return this.#engine.sweep(signal);
  }

  /** @see Engine.frozenPipeline */
  frozenPipeline(record: ExecutionRecord): Promise<Pipeline> {
    return this.#engine.frozenPipeline(record);
  }

  /**
   * Fails the message whose adapter ends the process. Resolves when that is told to whoever commits it; null where no adapter
   * does.
   */
  blameEnd(error: AdapterError): Promise<void> | null {
    if (!this.#engine.blameError(error)) return this.#worker.blameEnd(error);
    return this.#committed();
  }

  /** @see Engine.blameExit */
  blameExit(): boolean {
    return this.#engine.blameExit();
  }

  /** @see Engine.blameError */
  blameError(error: unknown): boolean {
    return this.#engine.blameError(error) || this.#worker.blameError(error);
  }

  /** Takes nothing more, waits for what is in flight as {@link Engine.close} does, and leaves the rest to other nodes. */
  async close(graceMs: number): Promise<void> {
    const idle = await this.#claims.stop();
    await this.#watch.stop();
    await Promise.all([this.#engine.close(graceMs), this.#worker.close(graceMs)]);
    this.#offers.close();
    if (idle.length > 0) {
      await this.#parts.ownership
        .release(idle)
        .then(() => this.#announce())
        .catch((error) => this.#log.warn(`Executions are not released: ${error}`));
    }
    this.#answers.stop();
    for (const stop of this.#unsubscribe.splice(0)) stop();
    this.#waiters.tellAll();
  }

  /** Resolves when nothing waits for its commit. */
  async #committed(): Promise<void> {
    while (this.#parts.journal.backlog > 0) await new Promise((resolve) => setTimeout(resolve, BACKLOG_LOOK_MS));
  }

  #announce(): void {
    const { bus } = this.#parts;
    bus.publish(ORPHANS_SUBJECT, encodeEnvelope({}, bus.maxBytes));
    this.#claims.look();
  }

  #where<T>(executionId: string, patienceMs: number, tries: Whereabouts<T>): Promise<T> {
    const { ownership } = this.#parts;
    return whereItIs(executionId, { ownership, patienceMs, runs: (id) => this.#engine.runs(id) }, tries);
  }

  /** What an owner tells, or else what the store does: `stored`. */
  async #read<T>(
    executionId: string,
    stored: () => Promise<T>,
    tries: { there(owner: NodeRecord): Promise<T>; otherwise(): Promise<T | undefined> },
  ): Promise<T> {
    // Whoever watches asks again and again: the store need not be asked each time who is to be asked.
    const last = this.#engine.runs(executionId) ? undefined : this.#lastOwners.get(executionId);
    if (last !== undefined) {
      try {
        return await tries.there(last);
      } catch {
        this.#lastOwners.delete(executionId);
      }
    }
    const there = async (owner: NodeRecord) => {
      const told = await tries.there(owner);
      this.#lastOwners.set(executionId, owner);
      const [oldest] = this.#lastOwners.keys();
      if (this.#lastOwners.size > KNOWN_OWNERS && oldest !== undefined) this.#lastOwners.delete(oldest);
      return told;
    };
    try {
      return await this.#where(executionId, READ_PATIENCE_MS, { ...tries, here: stored, nowhere: stored, there });
    } catch (error) {
      if (error instanceof MillraceError && error.code === "NODE_UNREACHABLE") return stored();
      throw error;
    }
  }

  async #record(executionId: string): Promise<ExecutionRecord> {
    const record = await this.#parts.records.getExecution(executionId);
    if (record !== null) return record;
    throw new MillraceError("EXECUTION_NOT_FOUND", `There is no execution "${executionId}".`);
  }
}
