import { readFile } from "node:fs/promises";
import type { ObjectMetadata } from "@millrace/engine";

/** What is kept beside a body, and of which body. Older versions have noted its digest alone. */
export interface Kept {
  /** SHA-256, in hexadecimal. */
  readonly digest: string;
  readonly size?: number;
  /** When its file was written: a file that was written at that time with that size need not be read to be known. */
  readonly mtime_ms?: number;
  readonly metadata: ObjectMetadata;
}

/** Reads what is kept of the bodies of one key, the newest first. Throws the system's own errors. */
export async function readKept(file: string): Promise<Kept[]> {
  // Written by the object store, from values of that type.
  return JSON.parse(await readFile(file, "utf8")) as Kept[];
}
