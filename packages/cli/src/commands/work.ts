import { MillraceError } from "@millrace/protocol";
import { createLog } from "@millrace/server/log";
import type { Command } from "commander";
import { engineRoom } from "../engine-room.ts";
import type { Output } from "../output.ts";
import { addSettingFlags, settingsOf } from "../setting-flags.ts";
import { stopSignal } from "../stop-signal.ts";
import { surviveAdapters } from "../survive-adapters.ts";

/** `millrace work`. */
export function addWork(program: Command, output: Output): void {
  const command = program
    .command("work")
    .description("start a node that runs executions, and answers nothing but /health/live, /health/ready and /metrics");
  addSettingFlags(command);
  command
    .addHelpText(
      "after",
      "\nIt shares PostgreSQL and NATS with the other nodes, of which at least one serves the API (millrace serve).\nA flag wins over its environment variable, that over the config file.\n\nExample:\n  $ millrace work --database-url postgres://millrace@db/millrace --nats-url nats://nats:4222 --port 0",
    )
    .action(async (flags: Record<string, unknown>) => {
      const { settings, warnings } = settingsOf(flags);
      if (settings.database_url === null) {
        throw new MillraceError(
          "SETTING_INVALID",
          "millrace work is one node of several: set database_url and nats_url to what they share. A service of one process is millrace serve.",
        );
      }
      if (!settings.engine) {
        throw new MillraceError("SETTING_INVALID", "millrace work with engine: false would do nothing: leave it out.");
      }
      const log = createLog(settings);
      for (const warning of warnings) log.warn(warning);
      const { serve } = await engineRoom();
      const server = await serve(settings, log, { api: false });
      surviveAdapters(server.service.engine, log);
      const stopped = stopSignal();
      output.line(`Millrace works, and tells of its health on ${server.url}`);
      await stopped;
      await server.close();
      process.exit(0);
    });
}
