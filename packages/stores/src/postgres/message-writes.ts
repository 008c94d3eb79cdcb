import type { KeptError, MessageChange, NewMessage } from "@millrace/engine";
import { bigintArray, textArray } from "./binary-arrays.ts";
import type { Statement } from "./connection.ts";

/** A statement with its values, to be sent in its turn. */
export interface Write {
  readonly statement: Statement;
  readonly values: readonly unknown[];
}

const INSERT: Statement = {
  name: "messages_insert",
  text: "INSERT INTO messages (execution_key, seq, id, parent_id, route, payload, hops) SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[])",
};

const RANGES = "unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS range (key, first, last)";
const IN_RANGE = "execution_key = range.key AND seq BETWEEN range.first AND range.last";

const DELETE: Statement = {
  name: "messages_delete",
  text: `DELETE FROM messages USING ${RANGES} WHERE ${IN_RANGE}`,
};

const KEEP_SETTLED: Statement = {
  name: "messages_keep_settled",
  text: `UPDATE messages SET settled = true FROM ${RANGES} WHERE ${IN_RANGE}`,
};

const KEEP: Statement = {
  name: "messages_keep",
  text: "UPDATE messages SET error = kept.error, error_adapter = kept.adapter, error_code = kept.code, failed_at = kept.at, failed_before = NULL FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[]) AS kept (key, seq, error, adapter, code, at) WHERE execution_key = kept.key AND messages.seq = kept.seq",
};

const REQUEUE: Statement = {
  name: "messages_requeue",
  text: "UPDATE messages SET error = NULL, failed_before = error, attempt = attempt + 1, failures = 0, interruptions = 0, emitted = NULL, due_at = back.due, payload = coalesce(back.payload, messages.payload) FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[]) AS back (key, seq, due, payload) WHERE execution_key = back.key AND messages.seq = back.seq AND error IS NOT NULL",
};

const RETRY: Statement = {
  name: "messages_retry",
  text: "UPDATE messages SET attempt = again.attempt, failures = again.failures, due_at = again.due FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[]) AS again (key, seq, attempt, failures, due) WHERE execution_key = again.key AND messages.seq = again.seq",
};

const EMITTED: Statement = {
  name: "messages_emitted",
  text: "UPDATE messages SET emitted_outputs = step.outputs, emitted = step.emitted FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[]) AS step (key, seq, outputs, emitted) WHERE execution_key = step.key AND messages.seq = step.seq",
};

type Change<K extends MessageChange["kind"]> = Extract<MessageChange, { kind: K }> & { readonly key: number };

/**
 * What a group does to the rows of messages, gathered into few statements, each over arrays. What is done to one message
 * twice in a group is done in the order in which it was asked for: the second time begins another wave of statements.
 */
export class MessageWrites {
  #waves: Wave[] = [new Wave()];

  put(key: number, seq: number, message: NewMessage): void {
    this.#waveFor(key, seq).puts.push({ key, seq, message });
  }

  change(key: number, change: MessageChange): void {
    this.#waveFor(key, change.seq).changes.push({ ...change, key });
  }

  /** Another statement, after all that was asked for before, and before all that is asked for later. */
  follow(write: Write): void {
    this.#last.following = write;
    this.#waves.push(new Wave());
  }

  /** The statements for what was gathered, in order. Forgets it. */
  take(): Write[] {
    const writes = this.#waves.flatMap((wave) => wave.writes());
    this.#waves = [new Wave()];
    return writes;
  }

  get #last(): Wave {
    const last = this.#waves.at(-1);
    if (last === undefined) throw new Error("there is always a wave");
    return last;
  }

  #waveFor(key: number, seq: number): Wave {
    const wave = this.#last;
    if (wave.touch(key, seq)) return wave;
    const next = new Wave();
    next.touch(key, seq);
    this.#waves.push(next);
    return next;
  }
}

/** Statements that can be sent in any order, as each row is touched once. */
class Wave {
  readonly puts: { key: number; seq: number; message: NewMessage }[] = [];
  readonly changes: (MessageChange & { key: number })[] = [];
  following: Write | null = null;
  readonly #touched = new Map<number, Set<number>>();

  /** False where the message was touched already. */
  touch(key: number, seq: number): boolean {
    let seqs = this.#touched.get(key);
    if (seqs === undefined) {
      seqs = new Set();
      this.#touched.set(key, seqs);
    }
    if (seqs.has(seq)) return false;
    seqs.add(seq);
    return true;
  }

  writes(): Write[] {
    const writes: Write[] = [];
    const settled = this.#of("settled");
    const dropped = settled.filter(({ keep }) => keep !== true);
    const kept = settled.filter(({ keep }) => keep === true);
    if (dropped.length > 0) writes.push({ statement: DELETE, values: ranges(dropped) });
    if (kept.length > 0) writes.push({ statement: KEEP_SETTLED, values: ranges(kept) });
    if (this.puts.length > 0) writes.push({ statement: INSERT, values: rowsOf(this.puts) });
    add(writes, KEEP, this.#of("kept"), keptValues);
    add(writes, REQUEUE, this.#of("requeued"), (changes) => [
      bigintArray(changes.map(({ dueAt }) => dueAt)),
      textArray(changes.map(({ payloadJson }) => payloadJson)),
    ]);
    add(writes, RETRY, this.#of("retry"), (changes) => [
      bigintArray(changes.map(({ attempt }) => attempt)),
      bigintArray(changes.map(({ failures }) => failures)),
      bigintArray(changes.map(({ dueAt }) => dueAt)),
    ]);
    add(writes, EMITTED, this.#of("emitted"), (changes) => [
      bigintArray(changes.map(({ outputs }) => outputs)),
      textArray(changes.map(({ emitted }) => JSON.stringify(emitted))),
    ]);
    if (this.following !== null) writes.push(this.following);
    return writes;
  }

  #of<K extends MessageChange["kind"]>(kind: K): Change<K>[] {
    // The filter is by the very kind that the type names.
    return this.changes.filter((change) => change.kind === kind) as unknown as Change<K>[];
  }
}

/** Adds a statement whose first two values say which messages. */
function add<C extends { readonly key: number; readonly seq: number }>(
  writes: Write[],
  statement: Statement,
  changes: readonly C[],
  values: (changes: readonly C[]) => readonly unknown[],
): void {
  if (changes.length === 0) return;
  const which = [bigintArray(changes.map(({ key }) => key)), bigintArray(changes.map(({ seq }) => seq))];
  writes.push({ statement, values: [...which, ...values(changes)] });
}

function keptValues(changes: readonly { readonly error: KeptError }[]): readonly unknown[] {
  const texts = (of: (error: KeptError) => string | null) => textArray(changes.map(({ error }) => of(error)));
  return [
    texts((error) => JSON.stringify(error)),
    texts(({ adapter }) => withoutNul(adapter)),
    texts(({ code }) => withoutNul(code)),
    texts(({ failed_at }) => withoutNul(failed_at)),
  ];
}

/** The one character that PostgreSQL keeps in no text; in JSON it is escaped. */
function withoutNul(text: string | null): string | null {
  return text === null ? null : text.replaceAll("\0", "\uFFFD");
}

function rowsOf(puts: readonly { key: number; seq: number; message: NewMessage }[]): readonly unknown[] {
  return [
    bigintArray(puts.map(({ key }) => key)),
    bigintArray(puts.map(({ seq }) => seq)),
    textArray(puts.map(({ message }) => message.id)),
    textArray(puts.map(({ message }) => message.parentId)),
    textArray(puts.map(({ message }) => message.route)),
    textArray(puts.map(({ message }) => message.payloadJson)),
    bigintArray(puts.map(({ message }) => message.hops)),
  ];
}

/** The statement that puts messages into their queues: for those that an execution begins with. */
export function insertMessages(key: number, firstSeq: number, messages: readonly NewMessage[]): Write {
  const puts = messages.map((message, index) => ({ key, seq: firstSeq + index, message }));
  return { statement: INSERT, values: rowsOf(puts) };
}

/** Messages that are settled mostly have numbers in a row. */
function ranges(changes: readonly { readonly key: number; readonly seq: number }[]): readonly unknown[] {
  const sorted = [...changes].sort((a, b) => a.key - b.key || a.seq - b.seq);
  const [keys, firsts, lasts]: [number[], number[], number[]] = [[], [], []];
  for (const { key, seq } of sorted) {
    if (keys.at(-1) === key && lasts.at(-1) === seq - 1) lasts[lasts.length - 1] = seq;
    else {
      keys.push(key);
      firsts.push(seq);
      lasts.push(seq);
    }
  }
  return [bigintArray(keys), bigintArray(firsts), bigintArray(lasts)];
}
