import type { Bus, TaskQueue } from "../bus-port.ts";
import type { EngineParts, EngineSettings } from "../execution/engine.ts";
import type { Ownership } from "../ownership-port.ts";

/** What a node of a service of many stands on. */
export interface ClusterParts extends Omit<EngineParts, "placement" | "spread"> {
  readonly ownership: Ownership;
  readonly bus: Bus;
  /** Through which nodes take messages that others have no room for. */
  readonly tasks: TaskQueue;
  /** Told of executions that this node takes up, before it does. Must not throw. */
  claimed?(executionIds: readonly string[]): void;
}

/** What an operator sets. */
export interface ClusterSettings extends EngineSettings {
  /** Whether this node takes executions; otherwise it only starts them, and asks those that do. */
  readonly engine: boolean;
  /** Executions that this node owns at most. Those of all nodes are limited by `maxExecutions`. */
  readonly maxOwned: number;
  /** Messages that this node works on at once, of its own executions and of others'. Default 64. */
  readonly workSlots?: number;
  /** Messages of a route are left to other nodes only where one takes so long on average, in milliseconds. Default 2. */
  readonly worthOfferingMs?: number;
  /** How often nodes tell each other that they work on a message, in milliseconds. Default 1000. */
  readonly aliveEveryMs?: number;
  /** An execution that no node takes up for so long is interrupted, in milliseconds. Default 5000. */
  readonly interruptedAfterMs?: number;
}
