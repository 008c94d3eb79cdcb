import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { open, realpath } from "node:fs/promises";
import { resolve, sep } from "node:path";
import { type Adapter, AdapterError, defineAdapter } from "@millrace/engine";
import { z } from "zod";

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

/** Reads the file that `path` names, relative to `root`. */
export const readFile: Adapter<z.infer<typeof config>> = defineAdapter({
  type: "read_file",
  category: "source",
  description:
    "Reads the file at `path` (relative to the message's `root`, or to where the service was started); adds `text` and `sha256`.",
  config,
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
    if (info.size > maxBytes) {
      throw new AdapterError("FILE_TOO_LARGE", `The file ${path} has ${info.size} bytes; max_bytes is ${maxBytes}.`, {
        retryable: false,
      });
    }
    return await handle.readFile({ signal });
  } finally {
    await handle.close();
  }
}

function decode(bytes: Buffer, encoding: string, path: string): string {
  const wide = /^utf-?16/i.test(encoding);
  const nul = wide ? -1 : bytes.indexOf(0);
  if (nul >= 0) throw notText(path, `it holds a NUL byte at ${nul}`);
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (error) {
    throw notText(path, `its bytes are not ${encoding}`, error);
  }
}

function notText(path: string, why: string, cause?: unknown): AdapterError {
  return new AdapterError("FILE_NOT_TEXT", `The file ${path} is not text: ${why}.`, { retryable: false, cause });
}

function isInside(path: string, base: string): boolean {
  return path === base || path.startsWith(base.endsWith(sep) ? base : base + sep);
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
