import type { Row } from "../sqlite/columns.ts";

/**
 * The message of the parent execution that a first message of a replay comes from: the parent that its own events name,
 * which is none of its execution's, or else what the replay's metadata name as `replayed_message_id` or, for the root, first
 * of `retry.message_ids`; null where none does. The one place that knows how a replay says it.
 */
export function originOf(first: Row, metadata: Readonly<Record<string, unknown>>): string | null {
  if (typeof first.parent_id === "string") return first.parent_id;
  if (typeof metadata.replayed_message_id === "string") return metadata.replayed_message_id;
  const { retry } = metadata;
  if (first.id !== first.root_id || typeof retry !== "object" || retry === null || !("message_ids" in retry))
    return null;
  const [origin] = Array.isArray(retry.message_ids) ? retry.message_ids : [];
  return typeof origin === "string" ? origin : null;
}
