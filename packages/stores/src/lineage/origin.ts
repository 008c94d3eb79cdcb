import type { Row } from "../sqlite/columns.ts";

/**
 * The message of the parent execution that a first message of a replay comes from: the parent that its own events name,
 * which is none of its execution's, or else what the replay's metadata name as `replayed_message_id` or, for the root, first
 * of `retry.message_ids`, or what runs it as a part of its own work, `subpipeline.message_id`; null where none does. The one place that knows how a replay says it.
 */
export function originOf(first: Row, metadata: Readonly<Record<string, unknown>>): string | null {
  if (typeof first.parent_id === "string") return first.parent_id;
  if (typeof metadata.replayed_message_id === "string") return metadata.replayed_message_id;
  const { retry, subpipeline: part } = metadata;
  if (typeof part === "object" && part !== null && "message_id" in part && typeof part.message_id === "string") {
    return first.id === first.root_id ? part.message_id : null;
  }
  if (first.id !== first.root_id || typeof retry !== "object" || retry === null || !("message_ids" in retry))
    return null;
  const [origin] = Array.isArray(retry.message_ids) ? retry.message_ids : [];
  return typeof origin === "string" ? origin : null;
}
