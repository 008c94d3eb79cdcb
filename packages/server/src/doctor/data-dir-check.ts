import { randomUUID } from "node:crypto";
import { accessSync, constants, existsSync, readFileSync, rmSync, type Stats, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Check, CheckContext } from "./check.ts";
import { type Found, ok, problem, warning } from "./finding.ts";
import { messageOf } from "./words.ts";

/** Bits of a mode: what others than the owner may do. */
const GROUP_WRITES = 0o020;
const OTHERS_ENTER = 0o005;
const OTHERS_WRITE = 0o002;

/** The folder that everything is in: whether it is there, may be written, and by whom it may be read. */
export const dataDirCheck: Check = {
  name: "data directory",
  run(context) {
    const { dataDir } = context;
    if (!existsSync(dataDir)) return [isHidden(dataDir) ? hidden(dataDir) : absent(dataDir)];
    const stats = statSync(dataDir);
    if (!stats.isDirectory()) {
      return [problem(`${dataDir} is a file, not a folder.`, "Name another with data_dir, or move the file away.")];
    }
    return [...permissions(dataDir, stats), writing(context), ...holder(context)];
  },
};

/** Whether it, or a folder above it, is closed to this user, who then cannot tell what is there. */
export function isHidden(dataDir: string): boolean {
  try {
    accessSync(dataDir, constants.R_OK | constants.X_OK);
    return false;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EACCES";
  }
}

function hidden(dataDir: string): Found {
  return problem(
    `${dataDir} cannot be reached: this user may not enter ${nearest(dataDir)}.`,
    `Run this as the user that the service runs as, or let that user in: chmod u+x, or chown, of ${nearest(dataDir)}.`,
  );
}

function absent(dataDir: string): Found {
  const above = nearest(dataDir);
  try {
    accessSync(above, constants.W_OK | constants.X_OK);
    return ok(`${dataDir} is not there yet; the first start makes it.`);
  } catch (error) {
    return problem(
      `${dataDir} is not there, and cannot be made: ${messageOf(error)}.`,
      `Make it for the service's user: install -d -m 700 -o USER ${dataDir}`,
    );
  }
}

/** The nearest folder that is there. */
export function nearest(path: string): string {
  let folder = path;
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

function permissions(dataDir: string, { mode, uid }: Stats): Found[] {
  // Windows has no such bits.
  if (process.getuid === undefined) return [];
  const found: Found[] = [];
  const own = process.getuid();
  if (uid !== own && own !== 0) {
    found.push(
      warning(
        `${dataDir} belongs to user ${uid}, and this is user ${own}.`,
        "Run this as the user that the service runs as, or change the owner: chown -R USER.",
      ),
    );
  }
  const shown = (mode & 0o777).toString(8);
  if ((mode & OTHERS_WRITE) !== 0) {
    found.push(
      problem(
        `All users of this machine may write to ${dataDir} (mode ${shown}): they can replace what runs work on.`,
        `chmod 700 ${dataDir}`,
      ),
    );
  } else if ((mode & OTHERS_ENTER) !== 0 || (mode & GROUP_WRITES) !== 0) {
    const who = (mode & OTHERS_ENTER) !== 0 ? "All users of this machine may read" : "Its group may write to";
    found.push(warning(`${who} ${dataDir} (mode ${shown}), payloads and objects included.`, `chmod 700 ${dataDir}`));
  }
  return found;
}

/** Writes, reads and removes a file: permissions alone do not tell of read-only mounts, quotas and full disks. */
function writing({ dataDir }: CheckContext): Found {
  const file = join(dataDir, `.doctor-${randomUUID()}`);
  const text = "x".repeat(4096);
  try {
    writeFileSync(file, text, { flag: "wx", mode: 0o600 });
    if (readFileSync(file, "utf8") !== text) throw new Error("what was written is not what is read");
    return ok(`${dataDir} can be written and read.`);
  } catch (error) {
    return problem(
      `${dataDir} cannot be written: ${messageOf(error)}.`,
      /ENOSPC|EDQUOT/.test(messageOf(error))
        ? "Make room on its disk, or choose another data directory."
        : "It must be a directory that the service's user may write to: change its permissions or its mount, or choose another.",
    );
  } finally {
    removed(file);
  }
}

/** Where nothing could be written there is nothing to remove, and no more to be said. */
function removed(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // A folder that this user may not enter.
  }
}

/** Whether somebody works on it, and whether that is who answers. */
function holder({ dataDirProbe, service }: CheckContext): Found[] {
  const held = dataDirProbe?.holder ?? null;
  if (held === null) return [ok("No process works on it at present.")];
  const who = held.pid === null ? "A process" : `Process ${held.pid}`;
  if (service === null) {
    return [
      warning(
        `${who} works on it, and no service answers where the settings say.`,
        "It starts, ends, or has other settings: name its address with --url. One that hangs can be ended, nothing is lost.",
      ),
    ];
  }
  return [ok(`${who} works on it.`)];
}
