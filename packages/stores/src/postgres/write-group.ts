import type { Lifecycle } from "@millrace/engine";
import { type EventEncoder, type ExecutionStatus, isTerminal, MillraceError } from "@millrace/protocol";
import { bigintArray, textArray } from "./binary-arrays.ts";
import type { Row } from "./columns.ts";
import type { Session, Statement } from "./connection.ts";
import type { ExecutionState, ExecutionStates } from "./execution-states.ts";
import type { GroupTransaction, Job, OtherJob } from "./jobs.ts";
import { journalWrites, objectWrites } from "./journal-writes.ts";
import { isCollision, isLostConnection, isOfTheValues } from "./postgres-errors.ts";
import { PostgresGroup } from "./postgres-group.ts";

/** How a group went. `positions` is null where it added nothing to the journal. */
export type Written =
  | WrittenGroup
  /** The connection was lost while it was being committed: whether it was is to be looked up by its number. */
  | {
      readonly kind: "unknown";
      readonly group: WrittenGroup;
      readonly nodeId: string;
      readonly number: number;
      readonly error: Error;
    }
  /** A value cannot be written, of one of the jobs. */
  | { readonly kind: "invalid"; readonly error: Error }
  /** Another node has declared this one gone. */
  | { readonly kind: "fenced" }
  /** What was remembered of its executions was outdated, or another transaction was in its way: to be done again. */
  | { readonly kind: "again" }
  | { readonly kind: "faulty"; readonly error: Error };

/** A group that is committed. */
export interface WrittenGroup {
  readonly kind: "committed";
  readonly group: PostgresGroup;
  /** Of each job, in order. */
  readonly outcomes: readonly unknown[];
  readonly positions: { readonly prev: number; readonly last: number } | null;
}

/** The outcome of a job that was refused; that of any other is its value. */
export class Refusal {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

/** What a group is written with. */
export interface GroupContext {
  readonly session: Session;
  readonly encoder: EventEncoder;
  readonly states: ExecutionStates;
  readonly nodeId: string;
  /** No other group of the node has it. */
  readonly number: number;
}

const FENCE: Statement = {
  name: "group_fence",
  text: "UPDATE node_writes SET last_group = $2 WHERE node_id = $1 AND NOT fenced",
};

const LOOK_UP: Statement = {
  name: "group_look_up",
  text: "SELECT id, key, owner, status, last_seq FROM executions WHERE id = ANY($1::text[])",
};

const CHECK: Statement = {
  name: "group_check",
  text: "SELECT id, key, owner, status, last_seq FROM executions WHERE key = ANY($1::bigint[])",
};

const RESERVE: Statement = {
  name: "group_reserve",
  text: "UPDATE executions SET last_seq = next.seq FROM unnest($1::bigint[], $2::bigint[]) AS next (key, seq) WHERE executions.key = next.key",
};

const LAST_LIFECYCLE: Statement = {
  name: "group_last_lifecycle",
  text: "SELECT lifecycle FROM journal WHERE execution_key = $1 AND lifecycle IS NOT NULL ORDER BY last DESC LIMIT 1",
};

const TAKE_POSITIONS: Statement = {
  name: "group_take_positions",
  text: "UPDATE journal_head SET position = position + $1 RETURNING position",
};

/**
 * One transaction, all of the group or nothing, in two round trips where its jobs are about executions that are known:
 *
 * 1. the group's number, which tells as well that the node was not declared gone, and from here on cannot be; whether the
 *    executions are the node's; what is done to messages and records; and last the row of the last position, which other
 *    nodes then wait for;
 * 2. what has positions, and the commit.
 */
export async function writeGroup(jobs: readonly Job[], context: GroupContext): Promise<Written> {
  const attempt = new Attempt(jobs, context);
  try {
    return await attempt.commit(await attempt.prepare());
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    if (attempt.committing === null || !isLostConnection(error)) return undone(error, context.session);
    context.session.drop();
    return { kind: "unknown", group: attempt.committing, nodeId: context.nodeId, number: context.number, error };
  }
}

async function undone(error: Error, session: Session): Promise<Written> {
  const canGoOn = error instanceof Outdated || error instanceof Fenced || isOfTheValues(error) || isCollision(error);
  if (!canGoOn || !(await rolledBack(session))) {
    session.drop();
    return { kind: "faulty", error };
  }
  if (error instanceof Fenced) return { kind: "fenced" };
  return isOfTheValues(error) ? { kind: "invalid", error } : { kind: "again" };
}

async function rolledBack(session: Session): Promise<boolean> {
  return session.run("ROLLBACK").then(
    () => true,
    () => false,
  );
}

class Fenced extends Error {}

class Outdated extends Error {}

class Attempt {
  readonly #jobs: readonly Job[];
  readonly #context: GroupContext;
  readonly #group: PostgresGroup;
  readonly #outcomes: unknown[] = [];
  /** What was sent and is not waited for yet, with what is to be made of the answer. */
  #sent: Promise<unknown>[] = [];
  /** What the commit was asked for, once it was. */
  committing: WrittenGroup | null = null;
  /** What the database, or the way to it, said of a statement of the job that runs. */
  #failure: Error | null = null;

  constructor(jobs: readonly Job[], context: GroupContext) {
    this.#jobs = jobs;
    this.#context = context;
    this.#group = new PostgresGroup(context.encoder, context.states);
  }

  /** The first part: up to the row of the last position. */
  async prepare(): Promise<WrittenGroup> {
    const { session, nodeId, number } = this.#context;
    await session.connect();
    this.#send("BEGIN", [], () => {});
    this.#send(FENCE, [nodeId, number], (_, count) => {
      if (count === 0) throw new Fenced("another node has declared this one gone");
    });
    for (const [index, job] of this.#jobs.entries()) {
      const { work } = job;
      this.#outcomes.push(work.kind === "other" ? await this.#other(work) : await this.#execution(index));
    }
    this.#flush();
    const group = this.#group;
    const outcomes = this.#outcomes;
    const { awaited } = group;
    if (awaited === 0) {
      await this.#answers();
      return { kind: "committed", group, outcomes, positions: null };
    }
    const [row] = await this.#ask(TAKE_POSITIONS, [awaited]);
    const last = Number(row?.position);
    return { kind: "committed", group, outcomes, positions: { prev: last - awaited, last } };
  }

  /** The second part. */
  async commit(written: WrittenGroup): Promise<WrittenGroup> {
    const { group, positions } = written;
    if (positions !== null) group.position = positions.prev;
    // Also where nothing takes a position: what was removed from the object store takes none.
    group.encode();
    const writes = [...journalWrites(group.entries), ...objectWrites(group.objectChanges), ...group.afterEncoding()];
    for (const { statement, values } of writes) this.#send(statement, values, () => {});
    this.committing = written;
    const committed = this.#context.session.run("COMMIT");
    await this.#answers();
    // A transaction in which something failed is undone by the same word.
    if ((await committed).command !== "COMMIT") throw new Error("the database has undone the transaction");
    return written;
  }

  async #execution(index: number): Promise<unknown> {
    const work = this.#jobs[index]?.work;
    if (work?.kind !== "execution") throw new Error("the job is about an execution");
    const group = this.#group;
    const { executionId } = work;
    if (group.find(executionId) === undefined) await this.#lookUp(index);
    const state = group.find(executionId);
    if (state === null || state === undefined) return work.absent;
    // One that was taken for gone may wake up after another has brought the execution to its end.
    if (!state.isMine && !(state.isOver && work.mayFollowEnd)) return new Refusal(moved(executionId));
    group.touch(executionId);
    const ended = work.needsEnd && state.isOver ? await this.#end(state) : undefined;
    return work.write(group, state, ended);
  }

  /** Asks for all executions that are not known of the jobs from one on, up to one that may change which there are. */
  async #lookUp(from: number): Promise<void> {
    const ids = new Set<string>();
    for (const { work } of this.#jobs.slice(from)) {
      if (work.kind === "other") break;
      if (this.#group.find(work.executionId) === undefined) ids.add(work.executionId);
    }
    this.#flush();
    const rows = await this.#ask(LOOK_UP, [textArray([...ids])]);
    const found = new Map(rows.map((row) => [String(row.id), this.#stateOf(row)]));
    for (const id of ids) this.#group.learn(id, found.get(id) ?? null);
  }

  async #end({ key }: ExecutionState): Promise<Lifecycle | undefined> {
    const [row] = await this.#ask(LAST_LIFECYCLE, [key]);
    if (row === undefined) return undefined;
    // Written by this store alone, from a value of that type.
    const lifecycle = JSON.parse(String(row.lifecycle)) as Lifecycle;
    return lifecycle.kind === "ended" ? lifecycle : undefined;
  }

  /** Within a savepoint: what it did is undone where it fails, and nothing else. */
  async #other(work: OtherJob<unknown>): Promise<unknown> {
    this.#flush();
    const effects: (() => void)[] = [];
    this.#send("SAVEPOINT job", [], () => {});
    const transaction: GroupTransaction = {
      nodeId: this.#context.nodeId,
      ask: (statement, values = []) =>
        this.#ask(statement, values).catch((error: Error) => {
          this.#failure ??= error;
          throw error;
        }),
      start: ({ id, key, isMine, lastSeq }, lifecycle) => {
        const state = { id, key, isMine, isOver: false, seq: lastSeq, reserved: lastSeq };
        effects.push(() => this.#group.start(state, lifecycle));
      },
      drop: (executionId) => effects.push(() => this.#group.drop(executionId)),
      moved: (ids) => effects.push(() => this.#moved(ids)),
    };
    // What fails of the jobs before it is not this job's fault.
    await this.#answers();
    this.#failure = null;
    try {
      const outcome = await work.write(transaction);
      this.#send("RELEASE SAVEPOINT job", [], () => {});
      this.#group.forgetMissing();
      for (const effect of effects) effect();
      return outcome;
    } catch (error) {
      // Where it is not the job's own error, the group has failed, whatever the job made of that.
      if (this.#failure !== null && !isOfTheValues(this.#failure)) throw this.#failure;
      this.#send("ROLLBACK TO SAVEPOINT job", [], () => {});
      return new Refusal(error);
    }
  }

  #moved(ids: readonly string[]): void {
    for (const id of ids) this.#group.unlearn(id);
  }

  /** Sends what was gathered of messages and records, with the question whether it may be. */
  #flush(): void {
    const group = this.#group;
    const unchecked = group.takeUnchecked();
    if (unchecked.size > 0) {
      const keys = [...unchecked.values()].map(({ key }) => key);
      this.#send(CHECK, [bigintArray(keys)], (rows) => this.#compare(unchecked, rows));
    }
    const { keys, seqs } = group.reserve();
    if (keys.length > 0) this.#send(RESERVE, [bigintArray(keys), bigintArray(seqs)], () => {});
    for (const { statement, values } of group.messages.take()) this.#send(statement, values, () => {});
  }

  /** @throws Outdated where executions are not as they were remembered */
  #compare(remembered: ReadonlyMap<string, ExecutionState>, rows: readonly Row[]): void {
    const found = new Map(rows.map((row) => [String(row.id), this.#stateOf(row)]));
    let isOutdated = false;
    for (const [id, state] of remembered) {
      const is = found.get(id);
      if (is?.isMine === state.isMine && is.isOver === state.isOver && is.reserved === state.reserved) continue;
      this.#context.states.forget(id);
      isOutdated = true;
    }
    if (isOutdated) throw new Outdated("executions are not as they were remembered");
  }

  #stateOf(row: Row): ExecutionState {
    const lastSeq = Number(row.last_seq);
    // Written by this store alone.
    const isOver = isTerminal(row.status as ExecutionStatus);
    const isMine = !isOver && row.owner === this.#context.nodeId;
    return { id: String(row.id), key: Number(row.key), isMine, isOver, seq: lastSeq, reserved: lastSeq };
  }

  /** Sends a statement without waiting for it. */
  #send(statement: Statement | string, values: readonly unknown[], then: (rows: Row[], count: number) => void): void {
    const answered = this.#context.session
      .run(statement, values)
      .then(({ rows, rowCount }) => then(rows, rowCount ?? 0));
    answered.catch(() => undefined);
    this.#sent.push(answered);
  }

  /** Waits for all that was sent: throws what the first of them that failed says. */
  async #answers(): Promise<void> {
    const sent = this.#sent;
    this.#sent = [];
    for (const answered of sent) await answered;
  }

  async #ask(statement: Statement | string, values: readonly unknown[]): Promise<Row[]> {
    let rows: Row[] = [];
    this.#send(statement, values, (answer) => {
      rows = answer;
    });
    await this.#answers();
    return rows;
  }
}

/** What an engine is told that goes on with an execution which is another's by now. */
function moved(executionId: string): MillraceError {
  return new MillraceError(
    "EXECUTION_MOVED",
    `Execution ${executionId} is not this node's: another works on it, or will. Ask again: the request finds its way to that.`,
  );
}
