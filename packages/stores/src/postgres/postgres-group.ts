import type { Lifecycle, MessageChange, NewMessage } from "@millrace/engine";
import type { EventEncoder } from "@millrace/protocol";
import { JournalGroup } from "../journal/journal-group.ts";
import type { ExecutionState, ExecutionStates } from "./execution-states.ts";
import { MessageWrites, type Write } from "./message-writes.ts";

/** Numbers of messages are reserved so many at a time: within these no word of them needs to be written. */
const RESERVED_AT_ONCE = 1_000;

/**
 * A group as PostgreSQL writes it: what its jobs gathered, and what it has made of the executions that it knows. All of
 * that is forgotten where it is not committed.
 */
export class PostgresGroup extends JournalGroup {
  readonly messages = new MessageWrites();
  readonly #remembered: ExecutionStates;
  /** As the group's statements have it; null: there is none. */
  readonly #states = new Map<string, ExecutionState | null>();
  /** Executions that are written to, as they are remembered: the database was not asked yet whether they are so. */
  #unchecked = new Map<string, ExecutionState>();
  /** To be written once positions are given out. */
  readonly #started: { readonly key: number; readonly executionId: string }[] = [];

  constructor(encoder: EventEncoder, remembered: ExecutionStates) {
    super(0, encoder);
    this.#remembered = remembered;
  }

  /** Undefined: the database has to be asked. Null: there is none. */
  find(executionId: string): ExecutionState | null | undefined {
    const own = this.#states.get(executionId);
    return own === undefined ? this.#remembered.find(executionId) : own;
  }

  /** Notes what the database says. */
  learn(executionId: string, state: ExecutionState | null): void {
    this.#states.set(executionId, state);
  }

  /** Forgets what is known of an execution: it is to be asked for again. */
  unlearn(executionId: string): void {
    this.#states.delete(executionId);
    this.#remembered.forget(executionId);
  }

  /** Forgets which executions there are none of: one may have been created meanwhile. */
  forgetMissing(): void {
    for (const [id, state] of this.#states) if (state === null) this.#states.delete(id);
  }

  /** An execution that this group creates. */
  start(state: ExecutionState, lifecycle: Lifecycle): void {
    this.#states.set(state.id, state);
    this.addEncoded(state.id, state.key, [], lifecycle);
    this.#started.push({ key: state.key, executionId: state.id });
  }

  /** Takes out what it has for an execution that is deleted. */
  override drop(executionId: string): void {
    super.drop(executionId);
    this.#states.set(executionId, null);
    this.#unchecked.delete(executionId);
  }

  /** To be called before an execution is written to: the database will be asked whether it may be. */
  touch(executionId: string): void {
    if (!this.#unchecked.has(executionId)) this.#unchecked.set(executionId, this.#of(executionId));
  }

  /** What the database is to be asked of, as it has to be there. Forgets it. */
  takeUnchecked(): ReadonlyMap<string, ExecutionState> {
    const unchecked = this.#unchecked;
    this.#unchecked = new Map();
    return unchecked;
  }

  /** Puts a message into its queue; returns its number. */
  enqueue(executionId: string, message: NewMessage): number {
    const state = this.#of(executionId);
    const seq = state.seq + 1;
    this.#states.set(executionId, { ...state, seq });
    this.messages.put(state.key, seq, message);
    return seq;
  }

  change(executionId: string, change: MessageChange): void {
    this.messages.change(this.#of(executionId).key, change);
  }

  /** It ends with what was added to it. */
  end(executionId: string): void {
    this.#states.set(executionId, { ...this.#of(executionId), isOver: true, isMine: false });
  }

  /** The executions whose numbers of messages go beyond those that are reserved, with what is reserved then. */
  reserve(): { readonly keys: readonly number[]; readonly seqs: readonly number[] } {
    const [keys, seqs]: [number[], number[]] = [[], []];
    for (const [id, state] of this.#states) {
      if (state === null || state.seq <= state.reserved) continue;
      const reserved = state.seq + RESERVED_AT_ONCE;
      keys.push(state.key);
      seqs.push(reserved);
      this.#states.set(id, { ...state, reserved });
    }
    return { keys, seqs };
  }

  /** Statements that need the positions: to be called after `encode`. */
  afterEncoding(): Write[] {
    return this.#started.map(({ key, executionId }) => {
      const started = this.entries.find(({ entry }) => entry.executionId === executionId)?.entry;
      return { statement: START_POSITION, values: [started?.first ?? 0, key] };
    });
  }

  /** To be called when it is committed. */
  remember(): void {
    for (const [id, state] of this.#states) {
      if (state === null) this.#remembered.forget(id);
      else this.#remembered.remember(state);
    }
  }

  #of(executionId: string): ExecutionState {
    const state = this.find(executionId);
    if (state === null || state === undefined) throw new Error(`execution ${executionId} was not looked up`);
    return state;
  }
}

const START_POSITION = {
  name: "executions_start_position",
  text: "UPDATE executions SET start_position = $1 WHERE key = $2",
};
