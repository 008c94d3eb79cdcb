import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

const OWNER_ONLY = 0o700;

/**
 * Makes a folder, and those above it. Node's own `recursive` does not return where the system refuses a folder with
 * ENOENT below one that exists, as Linux does under `/proc`. What is made is for this user alone: it will hold what runs work on.
 * @throws the system's error, or one that says that a file is in the way
 */
export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: OWNER_ONLY });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "";
    if (code === "EEXIST") {
      if (statSync(folder).isDirectory()) return;
      throw new Error(`${folder} is a file, not a folder`, { cause: error });
    }
    if (code !== "ENOENT" || dirname(folder) === folder) throw error;
    makeFolder(dirname(folder));
    mkdirSync(folder, { mode: OWNER_ONLY });
  }
}
