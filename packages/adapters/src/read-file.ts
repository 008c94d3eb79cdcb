import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { type Adapter, AdapterError, defineAdapter } from "@millrace/engine";
import { z } from "zod";
import { EVERYWHERE, type FilePlaces } from "./file-places.ts";
import { isEncoding, type OpenedFile, openFile } from "./opened-file.ts";

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
export const readFile: Adapter<z.infer<typeof config>> = makeReadFile(EVERYWHERE);

/** The same, for the files of these places. */
export function makeReadFile(places: FilePlaces): Adapter<z.infer<typeof config>> {
  return defineAdapter({
    type: "read_file",
    category: "source",
    stateful: () => true,
    description:
      "Reads the file at `path` (relative to the message's `root`, or to where the service was started); adds `text` and `sha256`.",
    config,
    example: EXAMPLE,
    async process({ payload }, { config: { encoding, max_bytes: maxBytes }, signal }) {
      const file = await openFile(payload, places);
      const bytes = await readBytes(file, maxBytes, signal);
      const text = decode(bytes, encoding, file.path);
      return { ...payload, text, sha256: createHash("sha256").update(bytes).digest("hex") };
    },
  });
}

async function readBytes({ handle, info, path }: OpenedFile, maxBytes: number, signal: AbortSignal): Promise<Buffer> {
  try {
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
