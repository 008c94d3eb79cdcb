import type { WrittenObject } from "@millrace/engine";
import { type Row, text } from "../columns.ts";

/** The columns that {@link toObject} reads. */
export const OBJECT = "key, size, content_type, sha256, message_id, created_at";

/** A row of objects. */
export function toObject(row: Row): WrittenObject {
  return {
    key: String(row.key),
    size: Number(row.size),
    contentType: String(row.content_type),
    sha256: String(row.sha256),
    messageId: text(row.message_id),
    createdAt: String(row.created_at),
  };
}

/** Sorts after every text that begins with what stands before it. */
const AFTER_ALL = "\u{10FFFF}";

/** What all keys sort before that begin with a text. */
export function endOf(prefix: string): string {
  return prefix + AFTER_ALL;
}
