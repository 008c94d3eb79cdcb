/** What a node knows of an execution that it writes to. */
export interface ExecutionState {
  readonly id: string;
  /** Stands for it in the tables that have a row per message or per commit. */
  readonly key: number;
  /** Whether this node owns it. */
  readonly isMine: boolean;
  readonly isOver: boolean;
  /** The greatest number that was given to a message of it. */
  readonly seq: number;
  /** The greatest number that the database knows may have been given: those up to it need no word. */
  readonly reserved: number;
}

/** How many executions are remembered. */
const REMEMBERED = 10_000;

/**
 * The executions that this node's groups write to, remembered between groups. What is remembered may be outdated where
 * another node has been at work: each group has it checked by the database. Of an execution that is neither this node's
 * nor over nothing is remembered, as it may become this node's at any time.
 */
export class ExecutionStates {
  readonly #known = new Map<string, ExecutionState>();

  find(executionId: string): ExecutionState | undefined {
    return this.#known.get(executionId);
  }

  /** To be called with what is committed, or was read from the database. */
  remember(state: ExecutionState): void {
    if (!state.isMine && !state.isOver) {
      this.#known.delete(state.id);
      return;
    }
    if (this.#known.size >= REMEMBERED && !this.#known.has(state.id)) this.#known.clear();
    this.#known.set(state.id, state);
  }

  forget(executionId: string): void {
    this.#known.delete(executionId);
  }

  /** To be called when the node has another id: nothing is its own any more. */
  forgetAll(): void {
    this.#known.clear();
  }
}
