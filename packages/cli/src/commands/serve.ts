import { builtDashboard } from "@millrace/dashboard";
import type { Server } from "@millrace/server";
import { createLog, isForPeople } from "@millrace/server/log";
import type { Command } from "commander";
import { urlFlag } from "../connection.ts";
import { engineRoom } from "../engine-room.ts";
import type { Output } from "../output.ts";
import { addSettingFlags, settingsOf } from "../setting-flags.ts";
import { stopSignal } from "../stop-signal.ts";
import { surviveAdapters } from "../survive-adapters.ts";

/** `millrace serve`. */
export function addServe(program: Command, output: Output): void {
  const command = program.command("serve").description("start the service: API, event streams and engine");
  addSettingFlags(command);
  command
    .addHelpText(
      "after",
      "\nA flag wins over its environment variable, that over the config file.\n\nExamples:\n  $ millrace serve\n  $ millrace serve --port 0 --data-dir /var/lib/millrace --configs-dir pipelines\n  $ MILLRACE_PORT=9000 millrace serve",
    )
    .action(async (flags: Record<string, unknown>) => {
      const { settings, warnings } = settingsOf(flags);
      const log = createLog(settings);
      for (const warning of warnings) log.warn(warning);
      const { serve } = await engineRoom();
      const server = await serve(settings, log, { dashboard: builtDashboard() });
      surviveAdapters(server.service.engine, log);
      // Before it says that it serves: whoever reads that may stop it at once.
      const stopped = stopSignal();
      output.line(`Millrace listens on ${server.url}`);
      if (isForPeople(settings))
        for (const hint of hints(server.url, await configToTry(server), server.service.access.isOn)) output.note(hint);
      await stopped;
      await server.close();
      process.exit(0);
    });
}

/** The example that shows the most, where it is there, or else any; undefined where there is none. */
async function configToTry(server: Server): Promise<string | undefined> {
  const { items } = await server.service.records.listConfigs({ limit: 100, offset: 0 });
  return (items.find(({ name }) => name === "readmes") ?? items[0])?.name;
}

/** What to type next: lines that work as they stand. */
function hints(url: string, config: string | undefined, wantsKey: boolean): string[] {
  const at = urlFlag(url);
  const commands: [command: string, what: string][] =
    config === undefined
      ? [[`npx millrace configs create FILE${at}`, "store a pipeline"]]
      : [
          [`npx millrace configs run ${config} --tag first --watch${at}`, "run one, and watch it live"],
          [
            `curl -N ${wantsKey ? '-H "Authorization: Bearer $MILLRACE_API_KEY" ' : ""}${url}/api/v1/executions/first/events`,
            "the same run, with nothing but curl",
          ],
          [`npx millrace configs list${at}`, "what else there is to run"],
        ];
  commands.push([`${url}/docs`, "the API, to be browsed"]);
  if (builtDashboard() !== null) commands.unshift([url, "the dashboard, in a browser"]);
  const width = Math.max(...commands.map(([command]) => command.length));
  return [
    "",
    ...(wantsKey ? ["It wants an API key: commands take theirs from MILLRACE_API_KEY.", ""] : []),
    "Try next, in another terminal:",
    ...commands.map(([command, what]) => `  ${command.padEnd(width)}   ${what}`),
    "",
  ];
}
