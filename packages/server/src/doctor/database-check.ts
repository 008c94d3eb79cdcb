import type { DataDirProbe } from "@millrace/stores/probe";
import type { Check } from "./check.ts";
import { isHidden } from "./data-dir-check.ts";
import { type Found, ok, problem, skipped } from "./finding.ts";
import { bytesInWords } from "./words.ts";

/** Files that are made anew from the database where they are removed. */
const DERIVED = new Set(["lineage.db"]);

/** The database in the data directory: whole, and of a schema that this version knows. */
export const databaseCheck: Check = {
  name: "database",
  run({ dataDir, dataDirProbe, report: { settings } }) {
    if (settings.database_url !== null) return [];
    if (dataDirProbe === null && isHidden(dataDir)) {
      return [skipped(`Whether there is a database cannot be told: this user may not look into ${dataDir}.`)];
    }
    if (dataDirProbe === null || dataDirProbe.files.length === 0) {
      return [ok("There is no database yet; the first start makes it.")];
    }
    return [...schema(dataDirProbe), ...dataDirProbe.files.map(integrity)];
  },
};

function schema({ schema, holder }: DataDirProbe): Found[] {
  if (schema === null) return [];
  const { database, program } = schema;
  if (database > program) {
    return [
      problem(
        `The database was written by a newer Millrace (schema ${database}, this one knows ${program}).`,
        "Update Millrace, or choose another data directory.",
      ),
    ];
  }
  if (database < program) {
    return [
      ok(
        holder === null
          ? `The database has schema ${database}; the next start brings it to ${program}. There is no way back: take a backup before.`
          : `The database has schema ${database}, of the version that runs; this one would bring it to ${program}.`,
      ),
    ];
  }
  return [ok(`The database has schema ${database}, which is the newest.`)];
}

function integrity({ name, bytes, state, reason }: DataDirProbe["files"][number]): Found {
  switch (state) {
    case "sound":
      return ok(`${name} (${bytesInWords(bytes)}) is sound.`);
    case "unread":
      return skipped(
        `${name} (${bytesInWords(bytes)}) was not read through, as that takes a while.`,
        "--deep reads it; so does a backup.",
      );
    case "damaged":
      return problem(
        `${name} is damaged: ${reason}.`,
        DERIVED.has(name)
          ? `Stop the service and remove ${name}: it is made anew.`
          : 'Stop the service, and restore a backup into another directory with "millrace restore".',
      );
    case "unreadable":
      return problem(`${name} cannot be read: ${reason}.`, "Its owner must be the user that the service runs as.");
  }
}
