import type { ObjectChange } from "@millrace/engine";
import { partsOfKey } from "@millrace/protocol";
import { checksumOf } from "../journal/checksum.ts";
import { bigintArray, textArray } from "./binary-arrays.ts";
import type { Statement } from "./connection.ts";
import { storable } from "./execution-row.ts";
import type { KeyedEntry } from "./jobs.ts";
import type { Write } from "./message-writes.ts";

const INSERT: Statement = {
  name: "journal_insert",
  text: "INSERT INTO journal (last, first, execution_key, count, lifecycle, frames, checksum) SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::bigint[])",
};

/** The rows of a group's entries, each with its checksum. */
export function journalWrites(entries: readonly KeyedEntry[]): Write[] {
  if (entries.length === 0) return [];
  const lifecycles = entries.map(({ entry }) => (entry.kind === "lifecycle" ? JSON.stringify(entry.lifecycle) : null));
  const frames = entries.map(({ entry }) => (entry.kind === "events" ? entry.frames : null));
  return [
    {
      statement: INSERT,
      values: [
        bigintArray(entries.map(({ entry }) => entry.last)),
        bigintArray(entries.map(({ entry }) => entry.first)),
        bigintArray(entries.map(({ executionKey }) => executionKey)),
        bigintArray(entries.map(({ entry }) => (entry.kind === "events" ? entry.count : 0))),
        textArray(lifecycles),
        textArray(frames),
        bigintArray(
          entries.map(({ entry }, index) => checksumOf(entry.last, frames[index] ?? lifecycles[index] ?? "")),
        ),
      ],
    },
  ];
}

const OBJECTS_INSERT: Statement = {
  name: "objects_insert",
  text: "INSERT INTO objects (position, execution_key, key, stage, size, content_type, sha256, message_id, created_at, gone) SELECT position, execution_key, key, stage, size, content_type, sha256, message_id, created_at, gone = 1 FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::text[], $10::bigint[]) AS object (position, execution_key, key, stage, size, content_type, sha256, message_id, created_at, gone)",
};

const OBJECTS_REPLACED: Statement = {
  name: "objects_replaced",
  text: "UPDATE objects SET gone = true WHERE NOT gone AND key = ANY($1::text[])",
};

const OBJECTS_REMOVED: Statement = {
  name: "objects_removed",
  text: "UPDATE objects SET gone = true FROM unnest($1::text[], $2::text[]) AS range (first, behind) WHERE NOT gone AND key >= range.first AND key < range.behind",
};

/** Sorts after every text that begins with what stands before it. */
const AFTER_ALL = "\u{10FFFF}";

/** What all keys sort before that begin with a text. */
export function endOf(prefix: string): string {
  return prefix + AFTER_ALL;
}

/** The rows of what a group did to the object store, in order. */
export function objectWrites(
  changes: readonly { readonly executionKey: number; readonly change: ObjectChange; readonly position: number }[],
): Write[] {
  const rows: (ReturnType<typeof rowOf> & { gone: number })[] = [];
  const live = new Map<string, { gone: number }>();
  const replaced = new Set<string>();
  const removed = new Set<string>();
  const lose = (key: string) => {
    const row = live.get(key);
    if (row !== undefined) row.gone = 1;
    live.delete(key);
  };
  for (const { executionKey, change, position } of changes) {
    if (change.kind === "removed") {
      removed.add(change.prefix);
      for (const key of [...live.keys()]) if (key.startsWith(change.prefix)) lose(key);
      continue;
    }
    const key = change.kind === "missing" ? change.key : change.object.key;
    replaced.add(key);
    lose(key);
    if (change.kind === "written") {
      const row = { ...rowOf(executionKey, change, position), gone: 0 };
      rows.push(row);
      live.set(key, row);
    }
  }
  const writes: Write[] = [];
  // First what was there before, then what is new: each as it is after all of it.
  if (removed.size > 0) {
    const prefixes = [...removed];
    writes.push({ statement: OBJECTS_REMOVED, values: [textArray(prefixes), textArray(prefixes.map(endOf))] });
  }
  if (replaced.size > 0) writes.push({ statement: OBJECTS_REPLACED, values: [textArray([...replaced])] });
  if (rows.length > 0) {
    writes.push({
      statement: OBJECTS_INSERT,
      values: [
        bigintArray(rows.map(({ position }) => position)),
        bigintArray(rows.map(({ executionKey }) => executionKey)),
        textArray(rows.map(({ object }) => object.key)),
        textArray(rows.map(({ object }) => partsOfKey(object.key)?.stage ?? null)),
        bigintArray(rows.map(({ object }) => object.size)),
        textArray(rows.map(({ object }) => storable(object.contentType))),
        textArray(rows.map(({ object }) => object.sha256)),
        textArray(rows.map(({ object }) => object.messageId)),
        textArray(rows.map(({ object }) => object.createdAt)),
        bigintArray(rows.map(({ gone }) => gone)),
      ],
    });
  }
  return writes;
}

function rowOf(executionKey: number, { object }: Extract<ObjectChange, { kind: "written" }>, position: number) {
  return { executionKey, object, position };
}
