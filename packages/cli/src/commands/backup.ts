import { resolve } from "node:path";
import { MillraceError } from "@millrace/protocol";
import { readSettings, type Settings } from "@millrace/server/settings";
import type { BackupSummary } from "@millrace/stores";
import type { Command } from "commander";
import { onSignals } from "../interrupts.ts";
import type { Output } from "../output.ts";
import { VERSION } from "../version.ts";

interface Options {
  readonly dataDir?: string;
  readonly config?: string;
  readonly json?: boolean;
}

/** `millrace backup` and `millrace restore`. */
export function addBackup(program: Command, output: Output): void {
  const add = (name: string, description: string, file: string) =>
    program
      .command(name)
      .description(description)
      .argument("<file>", file)
      .option("--data-dir <dir>", "the data directory (MILLRACE_DATA_DIR; default ./data)")
      .option("--config <file>", "the service's config file, to find it in (MILLRACE_CONFIG)")
      .option("--json", "print JSON");
  const act = async (
    what: string,
    options: Options,
    work: (dir: string, signal: AbortSignal) => Promise<BackupSummary>,
  ) => {
    const { settings } = readSettings({
      flags: { data_dir: options.dataDir },
      env: process.env,
      configFile: options.config,
    });
    refuseShared(settings);
    const interrupted = new AbortController();
    onSignals(
      ["SIGINT", "SIGTERM"],
      () => interrupted.abort(),
      () => undefined,
    );
    try {
      const summary = await work(resolve(settings.data_dir), interrupted.signal);
      if (options.json) output.line(JSON.stringify(summary, null, 2));
      else
        output.line(`${what}: ${summary.executions} executions, ${summary.objects} objects, ${summary.bytes} bytes.`);
    } catch (error) {
      if (!interrupted.signal.aborted) throw error;
      output.note("millrace: interrupted; nothing was left behind.");
      process.exitCode = 130;
    }
  };

  add("backup", "write a backup of a data directory, also while the service runs", "the file to write; must not exist")
    .addHelpText(
      "after",
      "\nThe file is a tar archive with the database and the objects. Restore it with millrace restore.\n\nExample:\n  $ millrace backup nightly.tar --data-dir /var/lib/millrace",
    )
    .action((file: string, options: Options) =>
      act("backed up", options, async (dataDir, signal) => {
        const { writeBackup } = await import("@millrace/stores");
        return writeBackup(dataDir, resolve(file), { version: VERSION, signal });
      }),
    );
  add("restore", "restore a backup into an empty data directory", "a file that millrace backup wrote")
    .addHelpText(
      "after",
      "\nThe service is then started on the directory, and executions that were running go on.\n\nExample:\n  $ millrace restore nightly.tar --data-dir /var/lib/millrace-restored",
    )
    .action((file: string, options: Options) =>
      act("restored", options, async (dataDir, signal) => {
        const { restoreBackup } = await import("@millrace/stores");
        return restoreBackup(resolve(file), dataDir, { signal });
      }),
    );
}

/** @throws MillraceError BACKUP_FAILED where the service keeps nothing in its data directory */
function refuseShared({ database_url: database, objects_url: objects }: Settings): void {
  if (database === null) return;
  const where =
    objects === null
      ? "Objects are in the same database."
      : "Objects are in the bucket of objects_url, and not in that: copy the bucket as well, after the database.";
  throw new MillraceError(
    "BACKUP_FAILED",
    `database_url is set: the service keeps its data in PostgreSQL, not in a data directory. Back it up with pg_dump --format=custom, and restore it with pg_restore. ${where} What is in NATS needs no backup. (For a data directory, unset database_url.)`,
  );
}
