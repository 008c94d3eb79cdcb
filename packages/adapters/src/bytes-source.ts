import { AdapterError, type ObjectStore } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import { z } from "zod";
import type { FilePlaces } from "./file-places.ts";
import { openFile } from "./opened-file.ts";

const CHUNK_BYTES = 1024 * 1024;

/** Where a message has a document's bytes. */
export const bytesFields = {
  field: z
    .string()
    .min(1)
    .optional()
    .describe("The field that holds the document in base64, as `body` of an answer; default the file at `path`"),
  object_field: z
    .string()
    .min(1)
    .optional()
    .describe(
      "The field that holds the key of an object with the document, as `object_key`; default the file at `path`",
    ),
};

/** As `bytesFields` have it. */
export interface BytesSource {
  readonly field?: string | undefined;
  readonly object_field?: string | undefined;
  readonly max_bytes: number;
}

/** A document, and what the message says besides. */
export interface DocumentBytes {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** For a person: which document it is. */
  readonly name: string;
  readonly rest: JsonObject;
}

/** Says what is wrong where both are named. */
export const ONE_SOURCE = { path: ["object_field"], message: "must not be set where field is" };

/** Whether not both are named. */
export function hasOneSource(source: { field?: string | undefined; object_field?: string | undefined }): boolean {
  return source.field === undefined || source.object_field === undefined;
}

/**
 * The bytes of a message's document, in memory.
 * @throws AdapterError FIELD_MISSING, OBJECT_NOT_FOUND, FILE_TOO_LARGE, and what `openFile` throws
 */
export async function takeBytes(
  payload: JsonObject,
  source: BytesSource,
  { objects, places }: { readonly objects: ObjectStore; readonly places: FilePlaces },
  signal: AbortSignal,
): Promise<DocumentBytes> {
  const { field, object_field: objectField, max_bytes: maxBytes } = source;
  if (field !== undefined) {
    const { [field]: text, ...rest } = payload;
    if (typeof text !== "string") throw missing(field, "with a document in base64");
    const bytes = fresh(Buffer.from(text, "base64"));
    if (bytes.byteLength > maxBytes) throw tooLarge(`document in "${field}"`, bytes.byteLength, maxBytes);
    return { bytes, name: `document in "${field}"`, rest };
  }
  if (objectField !== undefined) {
    const key = payload[objectField];
    if (typeof key !== "string") throw missing(objectField, "with the key of an object");
    const found = await objects.get(key);
    if (found === null) {
      throw new AdapterError("OBJECT_NOT_FOUND", `There is no object "${key}".`, { retryable: false });
    }
    if (found.body.byteLength > maxBytes) throw tooLarge(`object ${key}`, found.body.byteLength, maxBytes);
    return { bytes: fresh(found.body), name: `object ${key}`, rest: payload };
  }
  const { handle, info, path } = await openFile(payload, places);
  try {
    if (info.size > maxBytes) throw tooLarge(`file ${path}`, info.size, maxBytes);
    const chunks: Buffer[] = [];
    for (let size = 0; ; ) {
      signal.throwIfAborted();
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(CHUNK_BYTES));
      if (bytesRead === 0) return { bytes: fresh(Buffer.concat(chunks, size)), name: `file ${path}`, rest: payload };
      size += bytesRead;
      // The size is not believed: a file may grow while it is read.
      if (size > maxBytes) throw tooLarge(`file ${path}`, size, maxBytes);
      chunks.push(buffer.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}

/** In memory of its own, which a thread can be given. */
function fresh(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

function missing(field: string, what: string): AdapterError {
  return new AdapterError("FIELD_MISSING", `The message has no field "${field}" ${what}.`, { retryable: false });
}

function tooLarge(name: string, size: number, maxBytes: number): AdapterError {
  return new AdapterError("FILE_TOO_LARGE", `The ${name} has ${size} bytes; max_bytes is ${maxBytes}.`, {
    retryable: false,
  });
}
