import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open, realpath } from "node:fs/promises";
import { resolve } from "node:path";
import { type Adapter, AdapterError, defineAdapter } from "@millrace/engine";
import { z } from "zod";
import { isInside } from "./is-inside.ts";

const config = z.strictObject({
  encoding: z
    .string()
    .default("utf-8")
    .refine(isEncoding, "not a known encoding")
    .describe("The text's encoding, by its WHATWG label"),
  max_bytes: z
    .int()
    .min(1)
    .max(1024 * 1024 * 1024)
    .default(10 * 1024 * 1024)
    .describe("The largest file that is read, in bytes"),
});

/** What is read at once, in bytes. */
const CHUNK_BYTES = 1024 * 1024;

const EXAMPLE = `version: "1.0"
routes:
  read: { adapters: [{ type: read_file, config: { max_bytes: 100000 } }] }
init_message: { route: read, payload: { path: README.md } }
`;

/** Reads the file that `path` names, relative to `root`. */
export const readFile: Adapter<z.infer<typeof config>> = defineAdapter({
  type: "read_file",
  category: "source",
  description:
    "Reads the file at `path` (relative to the message's `root`, or to where the service was started); adds `text` and `sha256`.",
  config,
  example: EXAMPLE,
  async process({ payload }, { config: { encoding, max_bytes: maxBytes }, signal }) {
    if (typeof payload.path !== "string" || payload.path === "") {
      throw new AdapterError("PATH_MISSING", 'The message has no text "path".', { retryable: false });
    }
    const file = await locate(typeof payload.root === "string" ? payload.root : ".", payload.path);
    const bytes = await readBytes(file, payload.path, maxBytes, signal);
    const text = decode(bytes, encoding, payload.path);
    return { ...payload, text, sha256: createHash("sha256").update(bytes).digest("hex") };
  },
});

/** The real file, which must lie in the root, whatever links lead to it. */
async function locate(root: string, path: string): Promise<string> {
  const fail = (code: string, message: string, cause?: unknown): never => {
    throw new AdapterError(code, message, { retryable: false, cause });
  };
  if (path.includes("\0") || root.includes("\0")) return fail("FILE_NOT_FOUND", "The path holds a NUL character.");
  const base = resolve(root);
  const wanted = resolve(base, path);
  if (!isInside(wanted, base)) return fail("PATH_OUTSIDE_ROOT", `The path ${path} leaves its root ${root}.`);
  try {
    const real = await realpath(wanted);
    if (isInside(real, await realpath(base))) return real;
  } catch (error) {
    return fail("FILE_NOT_FOUND", `The file ${path} cannot be found: ${messageOf(error)}.`, error);
  }
  return fail("PATH_OUTSIDE_ROOT", `The path ${path} leads out of its root ${root}.`);
}

async function readBytes(file: string, path: string, maxBytes: number, signal: AbortSignal): Promise<Buffer> {
  // Without O_NONBLOCK, opening a pipe would wait for its writer for ever.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    throw new AdapterError("FILE_UNREADABLE", `The file ${path} cannot be opened: ${messageOf(error)}.`, {
      cause: error,
    });
  });
  try {
    const info = await handle.stat();
    if (!info.isFile()) throw new AdapterError("FILE_UNREADABLE", `${path} is not a file.`, { retryable: false });
    if (info.size > maxBytes) throw tooLarge(path, `${info.size} bytes`, maxBytes);
    return await readAll(handle, info.size, path, maxBytes, signal);
  } finally {
    await handle.close();
  }
}

/** The size is not believed: a file may grow while it is read, and those of /proc say 0. */
async function readAll(
  handle: FileHandle,
  expected: number,
  path: string,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  while (true) {
    signal.throwIfAborted();
    const room = Math.min(CHUNK_BYTES, Math.max(4096, expected - size + 1));
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(room));
    if (bytesRead === 0) return Buffer.concat(chunks, size);
    size += bytesRead;
    if (size > maxBytes) throw tooLarge(path, `more than ${maxBytes} bytes`, maxBytes);
    chunks.push(buffer.subarray(0, bytesRead));
  }
}

function tooLarge(path: string, size: string, maxBytes: number): AdapterError {
  return new AdapterError("FILE_TOO_LARGE", `The file ${path} has ${size}; max_bytes is ${maxBytes}.`, {
    retryable: false,
  });
}

function decode(bytes: Buffer, encoding: string, path: string): string {
  const decoder = new TextDecoder(encoding, { fatal: true });
  const nul = decoder.encoding.startsWith("utf-16") ? -1 : bytes.indexOf(0);
  if (nul >= 0) throw notText(path, `it holds a NUL byte at ${nul}${utf16Hint(bytes)}`);
  try {
    return decoder.decode(bytes);
  } catch (error) {
    throw notText(path, `its bytes are not ${encoding}`, error);
  }
}

/** Windows writes such files, and most of their readers see no difference. */
function utf16Hint(bytes: Buffer): string {
  const mark = bytes.toString("hex", 0, 2);
  const encoding = mark === "fffe" ? "utf-16le" : mark === "feff" ? "utf-16be" : null;
  return encoding === null ? "" : `; it begins as UTF-16 does: set encoding to ${encoding}`;
}

function notText(path: string, why: string, cause?: unknown): AdapterError {
  return new AdapterError("FILE_NOT_TEXT", `The file ${path} is not text: ${why}.`, { retryable: false, cause });
}

function isEncoding(label: string): boolean {
  try {
    new TextDecoder(label);
    return true;
  } catch {
    return false;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
