import type { TerminalStatus, Usage } from "@millrace/protocol";

/** Told of what the engine does, for figures: once per step and per outcome. Must be quick, and must not throw. */
export interface EngineObserver {
  /** A new execution is there, whichever node works on it. */
  executionStarted(): void;
  /** Executions were taken up that a process before this one, or another node, had left. */
  executionsTakenUp(count: number): void;
  executionEnded(status: TerminalStatus): void;
  /** An adapter is done with a message, well or not, after so many milliseconds in its own code. */
  stepDone(type: string, ms: number): void;
  /** Attempts failed together, by the adapter that is to blame; null: by none. `retried` of them are made again. */
  attemptsFailed(type: string | null, code: string, failed: number, retried: number): void;
  messagesCompleted(count: number): void;
  /** A step has used a model. */
  modelUsed(type: string, used: Partial<Usage>): void;
}

/** What an engine has to do at the moment. */
export interface EngineLoad {
  readonly executions: number;
  /** Messages that are not settled: in flight, waiting, or waiting for another attempt. */
  readonly unsettled: number;
  /** Those of them that are in flight, or wait for room on this or another node. */
  readonly inFlight: number;
  /** Unsettled messages of the route that has the most of them. */
  readonly deepestRoute: number;
}
