import type { Row } from "../columns.ts";

/**
 * The message of the parent execution that a first message of a replay comes from: the parent that its own events name,
 * which is none of its execution's, or else what the replay's metadata name as `replayed_message_id`; null where neither
 * does. The one place that knows how a replay says it.
 */
export function originOf(first: Row, metadata: Readonly<Record<string, unknown>>): string | null {
  if (typeof first.parent_id === "string") return first.parent_id;
  return typeof metadata.replayed_message_id === "string" ? metadata.replayed_message_id : null;
}
