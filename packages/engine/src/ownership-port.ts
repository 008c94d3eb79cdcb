import type { ExecutionRecord } from "./ports.ts";

/** A process of a service that is made of many. */
export interface NodeRecord {
  /** Of one life of it: a process that is started again, or whose lease was lost, has another. */
  readonly id: string;
  /** For people: by default its host and process id. */
  readonly name: string;
  readonly version: string;
  /** Whether it takes executions. */
  readonly engine: boolean;
  /** RFC 3339. */
  readonly startedAt: string;
  /** Whether its lease holds. */
  readonly alive: boolean;
  /** Executions that it owns. */
  readonly executions: number;
}

/** An execution that was taken over. */
export interface ClaimedExecution {
  readonly record: ExecutionRecord;
  /** The node that had it before; null where nobody had: it is new, or was released. */
  readonly previousOwner: string | null;
}

/**
 * Which node works on which execution. A node has one lease and renews it; what it owns is its own until another claims
 * it, which is possible once it was released or the lease has run out. Appends to an execution that another has claimed
 * are refused with EXECUTION_MOVED (fencing).
 */
export interface Ownership {
  /** This node's; another one after its lease was lost. */
  readonly nodeId: string;
  /** How long the lease holds after it was renewed, in milliseconds. */
  readonly leaseMs: number;
  /** Told when the lease was lost: by then {@link nodeId} is a new one, and nothing is owned. Must not throw. Returns the way to stop. */
  onLost(listener: () => void): () => void;
  /**
   * Takes executions that are not over and that nobody owns, or whose node's lease has run out: at most `limit`, the
   * oldest first, or the given ones alone. Of several nodes that claim one, one gets it.
   */
  claim(options: { readonly limit: number; readonly ids?: readonly string[] }): Promise<ClaimedExecution[]>;
  /** Gives back executions of its own: anybody may claim them at once. */
  release(executionIds: readonly string[]): Promise<void>;
  /** The node that owns an execution; null where nobody does, or there is no such execution. */
  ownerOf(executionId: string): Promise<NodeRecord | null>;
  /** How many executions wait for a node: owned by nobody, or by one whose lease has run out. */
  orphans(): Promise<number>;
  /** All nodes whose lease holds, and those that went in the last minutes. */
  nodes(): Promise<NodeRecord[]>;
  /** Releases everything and gives up the lease. */
  leave(): Promise<void>;
}
