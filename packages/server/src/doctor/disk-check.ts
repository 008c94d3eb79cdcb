import { statfsSync } from "node:fs";
import { resolve } from "node:path";
import type { Check } from "./check.ts";
import { nearest } from "./data-dir-check.ts";
import { type Found, ok, problem, warning } from "./finding.ts";
import { bytesInWords } from "./words.ts";

/** Below it the next large run fills the disk. */
const LITTLE = 64 * 1024 * 1024;
const LOW = 1024 * 1024 * 1024;
/** Of all inodes. */
const LOW_INODES = 0.02;

/** File systems that lie over a network, by the number that Linux gives them: locks and flushes of SQLite cannot be relied on there. */
const NETWORK = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB2"],
  [0x01021997, "9P"],
  [0x00c36400, "Ceph"],
  [0x5346414f, "AFS"],
  [0x0bd00bd0, "Lustre"],
  [0x65735546, "FUSE"],
]);

/** Those that are gone with the machine, or the container. */
const PASSING = new Map([
  [0x01021994, "tmpfs: it is in memory, and gone when the machine restarts"],
  [0x858458f6, "ramfs: it is in memory, and gone when the machine restarts"],
  [0x794c7630, "the layer of a container: it is gone with the container"],
]);

/** What is known of the file system of a folder. */
export interface FileSystem {
  readonly type: number;
  readonly free: number;
  readonly total: number;
  readonly freeInodes: number;
  readonly totalInodes: number;
}

/** The disk of the data directory: room, inodes, and what kind it is. */
export const diskCheck: Check = {
  name: "disk",
  run({ report: { settings }, dataDir }) {
    const { type, bsize, bavail, blocks, ffree, files } = statfsSync(nearest(resolve(dataDir)));
    const system = { type, free: bavail * bsize, total: blocks * bsize, freeInodes: ffree, totalInodes: files };
    return checkFileSystem(system, dataDir, settings.database_url === null, settings.retain_bytes);
  },
};

/** @see diskCheck; `isStore`: whether the database is there, and not in PostgreSQL */
export function checkFileSystem(
  system: FileSystem,
  folder: string,
  isStore: boolean,
  retainBytes: number | null = null,
): Found[] {
  return [
    ...room(system, folder, retainBytes),
    ...inodes(system, folder),
    // Without a database in it there is a cache there, no more.
    ...(isStore ? kind(system, folder) : []),
  ];
}

function room({ free, total }: FileSystem, folder: string, retainBytes: number | null): Found[] {
  const left = `${bytesInWords(free)} of ${bytesInWords(total)} are free on the disk of ${folder}`;
  const advice =
    "Make room, or bound what is kept: retain_days, retain_executions, retain_bytes and keep_payloads. Nothing is lost when it is full; runs wait.";
  if (free < LITTLE) return [problem(`${left}: it is as good as full.`, advice)];
  if (free < LOW && free < total / 4) return [warning(`${left}.`, advice)];
  if (retainBytes !== null && retainBytes > total) {
    return [
      warning(
        `retain_bytes is ${bytesInWords(retainBytes)}, and the disk of ${folder} has ${bytesInWords(total)} in all.`,
        "Lower it, or the disk is full before anything is removed.",
      ),
    ];
  }
  return [ok(`${left}.`)];
}

function inodes({ freeInodes, totalInodes }: FileSystem, folder: string): Found[] {
  // Some file systems make them as they are needed, and say 0.
  if (totalInodes === 0 || freeInodes / totalInodes >= LOW_INODES) return [];
  const message = `${freeInodes} of ${totalInodes} inodes are free on the disk of ${folder}: each object takes two.`;
  const advice = "Remove files, keep fewer executions, or make the file system anew with more inodes.";
  return [freeInodes < 100 ? problem(message, advice) : warning(message, advice)];
}

function kind({ type }: FileSystem, folder: string): Found[] {
  const network = NETWORK.get(type >>> 0);
  if (network !== undefined) {
    return [
      warning(
        `${folder} is on ${network}, over a network: SQLite cannot rely on its locks, and two services could damage the database.`,
        "Put data_dir on a local disk, or use PostgreSQL (database_url, nats_url).",
      ),
    ];
  }
  const passing = PASSING.get(type >>> 0);
  if (passing === undefined) return [];
  return [warning(`${folder} is on ${passing}.`, "Put data_dir on a disk, or a volume.")];
}
