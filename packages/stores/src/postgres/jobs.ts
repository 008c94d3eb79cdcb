import type { JournalEntry, Lifecycle } from "@millrace/engine";
import type { Row } from "./columns.ts";
import type { Statement } from "./connection.ts";
import type { ExecutionState } from "./execution-states.ts";
import type { PostgresGroup } from "./postgres-group.ts";

/**
 * What is done to one execution: gathered, and written together with what others do. It is refused with EXECUTION_MOVED
 * where this node does not own the execution, unless that is over and the job may come after its end.
 */
export interface ExecutionJob<T> {
  readonly kind: "execution";
  readonly executionId: string;
  /** Gathers what there is to write: at once, without throwing, and perhaps more than once. */
  write(group: PostgresGroup, execution: ExecutionState, ended: Lifecycle | undefined): T;
  /** The outcome where there is no such execution (any more). */
  readonly absent: T;
  /** Whether anybody may write it once the execution is over: what adds nothing to what its messages did. */
  readonly mayFollowEnd: boolean;
  /** Whether `ended` is needed where the execution is over: the last record of its journal, if that is its end. */
  readonly needsEnd: boolean;
}

/** Anything else that is written in a group. */
export interface OtherJob<T> {
  readonly kind: "other";
  /**
   * Runs within the group's transaction. What it throws undoes what it did, and rejects the promise of its job alone.
   * It may run more than once, where the transaction as a whole has to be done again.
   */
  write(transaction: GroupTransaction): Promise<T>;
}

/** The transaction of a group, for a job that is not about one execution that is there. */
export interface GroupTransaction {
  /** The node's that the group is of. */
  readonly nodeId: string;
  /** Runs a statement, after all that the jobs before it do. */
  ask(statement: Statement | string, values?: readonly unknown[]): Promise<Row[]>;
  /**
   * An execution that the job has inserted into `executions`, with `last_seq` as given: its record `lifecycle` is the
   * first of its journal, and its `start_position` is set to the position of that. Takes effect if the job succeeds.
   */
  start(
    execution: { readonly id: string; readonly key: number; readonly isMine: boolean; readonly lastSeq: number },
    lifecycle: Lifecycle,
  ): void;
  /**
   * An execution that the job has deleted: nobody is told of what the group has for it, and what comes behind finds none.
   * Takes effect if the job succeeds.
   */
  drop(executionId: string): void;
  /** Executions whose owner the job has changed. Takes effect if the job succeeds. */
  moved(executionIds: readonly string[]): void;
}

/** What the committer holds of a job. */
export interface Job {
  readonly work: ExecutionJob<unknown> | OtherJob<unknown>;
  /** Whether it waits while the store is at fault; otherwise it is refused then. */
  readonly patient: boolean;
  /** Events that it adds. */
  readonly weight: number;
  /** About so many bytes are written. */
  readonly bytes: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Entries with the keys of their executions. */
export type KeyedEntry = { readonly executionKey: number; readonly entry: JournalEntry };
