import type { Usage } from "@millrace/protocol";
import type { AdapterLog, Emit, Message } from "./adapter.ts";
import type { RouteDefinition, Step } from "./definition/definition.ts";
import type { ObjectStore } from "./ports.ts";
import type { TraceHeaders } from "./trace/trace-context.ts";

/** What an adapter in a thread reaches of the service's. */
export interface ThreadContext {
  readonly signal: AbortSignal;
  readonly log: AdapterLog;
  readonly objects: ObjectStore;
  readonly trace: TraceHeaders | null;
  countUsage(used: Partial<Usage>): void;
  /** The largest payload that may come back, in bytes of JSON. */
  readonly maxPayloadBytes: number;
}

/** What a step has emitted since it was last asked. */
export interface ThreadEmits {
  readonly emits: readonly Emit[];
  /** Whether nothing more comes. */
  readonly done: boolean;
}

/** One step at work on one message in a thread. */
export interface ThreadRun {
  /**
   * Lets it go on, up to its next emits: at least one, unless it is done. Rejects with what the adapter threw, as an
   * AdapterError, and with ADAPTER_OUT_OF_MEMORY or ADAPTER_EXITED where its thread has died.
   */
  next(): Promise<ThreadEmits>;
  /** Nothing more of it is wanted. One that was told to stop and is still at work is ended with its thread. */
  close(): void;
}

/** A thread that works for one attempt at one message; its steps that wait for each other share it. */
export interface ThreadLease {
  run(step: Step, message: Message, context: ThreadContext): ThreadRun;
  /** Gives the thread back, when all its runs are closed. */
  release(): void;
}

/** Threads in which the adapters run that a pipeline isolates. */
export interface AdapterThreads {
  /** A thread for steps of the route, as soon as one is free. Rejects when the signal is aborted meanwhile. */
  lease(route: RouteDefinition, signal: AbortSignal): Promise<ThreadLease>;
}
