import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Makes a folder of this process's own among the system's temporary files, and removes those of processes of this
 * machine that are gone without having removed theirs. Whoever makes it removes it.
 */
export function makeOwnFolder(parent = tmpdir()): string {
  const ours = `millrace-lineage-${hostname().replaceAll(/[^\w.]/g, "_")}-`;
  for (const name of readdirSync(parent)) {
    if (!name.startsWith(ours)) continue;
    const pid = Number.parseInt(name.slice(ours.length), 10);
    if (pid > 0 && !isAlive(pid)) removeOwnFolder(join(parent, name));
  }
  return mkdtempSync(join(parent, `${ours}${process.pid}-`));
}

/** Removes a folder with all that is in it, where this user may. */
export function removeOwnFolder(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // Another user's: it is theirs to remove.
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
}
