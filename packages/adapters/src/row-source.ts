import { AdapterError, routeField } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import { z } from "zod";
import type { FilePlaces } from "./file-places.ts";
import { isEncoding, openFile } from "./opened-file.ts";

/** What is read at once, in bytes. */
const CHUNK_BYTES = 256 * 1024;

/** What the adapters that read rows have in common. */
export const rowFields = {
  field: z
    .string()
    .min(1)
    .optional()
    .describe("The field that holds the text; without it, the file at the message's `path` is read"),
  encoding: z
    .string()
    .refine(isEncoding, "not a known encoding")
    .optional()
    .describe("The file's encoding, by its WHATWG label; default what its byte order mark says, else utf-8"),
  number_field: z
    .string()
    .min(1)
    .default("row")
    .describe("The field that gets the row's number; no row may have one of that name itself"),
  keep: z
    .array(z.string().min(1))
    .default([])
    .describe("Fields of the message that each row takes along, unless it has one of that name itself"),
  broken_to: routeField()
    .optional()
    .describe(
      "The route for rows that cannot be read, as `{row, line, error, text}`; default they are counted and logged",
    ),
  max_broken: z.int().min(0).optional().describe("The message fails when more rows cannot be read; default no limit"),
  max_row_length: z
    .int()
    .min(16)
    .max(16 * 1024 * 1024)
    .default(1024 * 1024)
    .describe("The longest row that is read, in characters; a longer one is broken"),
  max_bytes: z
    .int()
    .min(1)
    .max(2 ** 50)
    .default(10 * 1024 ** 3)
    .describe("The largest file that is read, in bytes"),
};

/** The fields that rows take along. */
export function keptOf(payload: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(payload).filter(([name]) => names.includes(name)));
}

/** Where the text of rows comes from. */
export interface RowSource {
  readonly field?: string | undefined;
  readonly encoding?: string | undefined;
  readonly maxBytes: number;
  /** Of files. */
  readonly places: FilePlaces;
}

/**
 * The text that a message brings or names, piece by piece, without a byte order mark. Bytes that are not of the encoding
 * become U+FFFD.
 * @throws AdapterError FIELD_MISSING, FILE_TOO_LARGE, and what `openFile` throws
 */
export async function* textOf(payload: JsonObject, source: RowSource, signal: AbortSignal): AsyncGenerator<string> {
  if (source.field !== undefined) {
    const text = payload[source.field];
    if (typeof text !== "string") {
      throw new AdapterError("FIELD_MISSING", `The message has no text "${source.field}".`, { retryable: false });
    }
    for (let at = text.startsWith("\uFEFF") ? 1 : 0; at < text.length; at += CHUNK_BYTES) {
      yield text.slice(at, at + CHUNK_BYTES);
    }
    return;
  }
  const { handle, info, path } = await openFile(payload, source.places);
  try {
    const { maxBytes } = source;
    if (info.size > maxBytes) throw tooLarge(path, maxBytes);
    let decoder: TextDecoder | null = source.encoding === undefined ? null : new TextDecoder(source.encoding);
    for (let size = 0; ; ) {
      signal.throwIfAborted();
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(CHUNK_BYTES));
      const bytes = buffer.subarray(0, bytesRead);
      decoder ??= new TextDecoder(markedEncoding(bytes));
      if (bytesRead === 0) {
        yield decoder.decode();
        return;
      }
      size += bytesRead;
      if (size > maxBytes) throw tooLarge(path, maxBytes);
      yield decoder.decode(bytes, { stream: true });
    }
  } finally {
    await handle.close();
  }
}

function tooLarge(path: string, maxBytes: number): AdapterError {
  return new AdapterError("FILE_TOO_LARGE", `The file ${path} has more than ${maxBytes} bytes (max_bytes).`, {
    retryable: false,
  });
}

function markedEncoding(bytes: Buffer): string {
  const mark = bytes.toString("hex", 0, 2);
  return mark === "fffe" ? "utf-16le" : mark === "feff" ? "utf-16be" : "utf-8";
}
