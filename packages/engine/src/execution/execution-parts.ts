import type { KeepPayloads } from "@millrace/protocol";
import type { AdapterLog } from "../adapter.ts";
import type { AdapterThreads } from "../adapter-threads.ts";
import type { ContentCache } from "../cache-port.ts";
import type { Definition } from "../definition/definition.ts";
import type { Clock, Journal, ObjectStore, WorkQueue } from "../ports.ts";
import type { Flow } from "../route/flow.ts";
import type { SearchIndex } from "../search-port.ts";
import type { LoopTurn } from "./loop-turn.ts";

/** What an execution is made of. */
export interface ExecutionParts {
  readonly id: string;
  readonly rootCorrelationId: string;
  readonly definition: Definition;
  readonly journal: Journal;
  readonly work: WorkQueue;
  readonly objects: ObjectStore;
  readonly search: SearchIndex | null;
  readonly cache: ContentCache | null;
  /** Null: no step may be isolated. */
  readonly threads: AdapterThreads | null;
  readonly clock: Clock;
  readonly settings: ExecutionSettings;
  /** Shared by all executions. */
  readonly turn: LoopTurn;
  log(fields: Record<string, unknown>): AdapterLog;
  /** Runs an adapter's code so that what it does later can be traced back to the flow. */
  trace<T>(flow: Flow, run: () => T): T;
  onEnd(): void;
  /** A fault of the engine's own: reported, never thrown into an adapter. */
  onFault(error: unknown): void;
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
