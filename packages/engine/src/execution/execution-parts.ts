import type { KeepPayloads } from "@millrace/protocol";
import type { AdapterLog } from "../adapter.ts";
import type { AdapterThreads } from "../adapter-threads.ts";
import type { ContentCache } from "../cache-port.ts";
import type { Definition } from "../definition/definition.ts";
import type { EngineObserver } from "../observer.ts";
import type { Clock, ExecutionRecord, Journal, ObjectStore, WorkQueue } from "../ports.ts";
import type { Pending } from "../route/chain.ts";
import type { Flow } from "../route/flow.ts";
import type { RouteRunner } from "../route/route-runner.ts";
import type { SearchIndex } from "../search-port.ts";
import type { ExecutionTrace } from "../trace/execution-trace.ts";
import type { ChildExecutions } from "./child-executions.ts";
import type { LoopTurn } from "./loop-turn.ts";

/** What is known of an execution that is at work. */
export type RunningRecord = Pick<
  ExecutionRecord,
  "id" | "project" | "rootCorrelationId" | "startedAt" | "tag" | "replaySource" | "configSnapshot"
>;

/** What an execution is made of. */
export interface ExecutionParts {
  readonly id: string;
  readonly project: string;
  readonly rootCorrelationId: string;
  readonly definition: Definition;
  readonly journal: Journal;
  readonly work: WorkQueue;
  readonly objects: ObjectStore;
  readonly search: SearchIndex | null;
  readonly cache: ContentCache | null;
  /** Null: no step may be isolated. */
  readonly threads: AdapterThreads | null;
  /** Null: no step runs another pipeline. */
  readonly children: ChildExecutions | null;
  readonly clock: Clock;
  readonly settings: ExecutionSettings;
  /** Null: every message is worked on here, at once. */
  readonly spread: Spread | null;
  /** Null: no traces are made, or none was begun with it. */
  readonly tracing: ExecutionTrace | null;
  /** Shared by all executions. */
  readonly turn: LoopTurn;
  readonly observer: EngineObserver | null;
  log(fields: Record<string, unknown>): AdapterLog;
  /** Runs an adapter's code so that what it does later can be traced back to the flow. */
  trace<T>(flow: Flow, run: () => T): T;
  onEnd(): void;
  /** A fault of the engine's own: reported, never thrown into an adapter. */
  onFault(error: unknown): void;
}

/** Decides when a message is worked on, and where: in a service of many nodes. */
export interface Spread {
  /**
   * Takes the flow through its chain, on this node by `here`, or on another, as soon as there is room. Throws, or
   * rejects, where it fails. It begins (`restart`, `touch`) when it is its turn.
   */
  run(route: RouteRunner, flow: Flow, here: () => Pending): Pending;
  /** Takes back what waits for room: nothing of it has begun. */
  withdraw(executionId: string): Flow[];
}

/** What an operator sets. */
export interface ExecutionSettings {
  readonly maxPayloadBytes: number;
  readonly maxEmitsPerStep: number;
  /** Which settled messages keep their payloads where their pipeline does not say. */
  readonly keepPayloads: KeepPayloads;
  /** How long an adapter that was told to stop is waited for, in milliseconds. */
  readonly abandonAfterMs: number;
}
