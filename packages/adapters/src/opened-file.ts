import { constants, type Stats } from "node:fs";
import { type FileHandle, open, realpath } from "node:fs/promises";
import { resolve } from "node:path";
import { AdapterError } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import { type FilePlaces, NOT_GRANTED } from "./file-places.ts";
import { isInside } from "./is-inside.ts";

/** A file that a message names; whoever opened it closes the handle. */
export interface OpenedFile {
  readonly handle: FileHandle;
  readonly info: Stats;
  /** As the message has it. */
  readonly path: string;
}

/**
 * Opens the file at a message's `path`, relative to its `root`.
 * @throws AdapterError PATH_MISSING, PATH_OUTSIDE_ROOT, FILE_NOT_FOUND or FILE_UNREADABLE
 */
export async function openFile(payload: JsonObject, places: FilePlaces): Promise<OpenedFile> {
  const { root, path } = payload;
  if (typeof path !== "string" || path === "") {
    throw new AdapterError("PATH_MISSING", 'The message has no text "path".', { retryable: false });
  }
  const file = await locate(typeof root === "string" ? root : ".", path, places);
  // Without O_NONBLOCK, opening a pipe would wait for its writer for ever.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    throw new AdapterError("FILE_UNREADABLE", `The file ${path} cannot be opened: ${messageOf(error)}.`, {
      cause: error,
    });
  });
  try {
    const info = await handle.stat();
    if (!info.isFile()) throw new AdapterError("FILE_UNREADABLE", `${path} is not a file.`, { retryable: false });
    return { handle, info, path };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Whether there is an encoding of that WHATWG label. */
export function isEncoding(label: string): boolean {
  try {
    new TextDecoder(label);
    return true;
  } catch {
    return false;
  }
}

/** The real file, which must lie in the root, whatever links lead to it. */
async function locate(root: string, path: string, places: FilePlaces): Promise<string> {
  const fail = (code: string, message: string, cause?: unknown): never => {
    throw new AdapterError(code, message, { retryable: false, cause });
  };
  if (path.includes("\0") || root.includes("\0")) return fail("FILE_NOT_FOUND", "The path holds a NUL character.");
  let base = resolve(root);
  const wanted = resolve(base, path);
  if (!isInside(wanted, base)) return fail("PATH_OUTSIDE_ROOT", `The path ${path} leaves its root ${root}.`);
  const notGranted = `The file ${path} in ${root} is not read: ${NOT_GRANTED}.`;
  // Before it is looked for: whether there is such a file is not told either.
  if (!places.mayLead(wanted)) return fail("PATH_OUTSIDE_ROOT", notGranted);
  let real: string;
  try {
    real = await realpath(wanted);
    base = await realpath(base);
  } catch (error) {
    return fail("FILE_NOT_FOUND", `The file ${path} cannot be found: ${messageOf(error)}.`, error);
  }
  if (!places.allows(real)) return fail("PATH_OUTSIDE_ROOT", notGranted);
  if (isInside(real, base)) return real;
  return fail("PATH_OUTSIDE_ROOT", `The path ${path} leads out of its root ${root}.`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
