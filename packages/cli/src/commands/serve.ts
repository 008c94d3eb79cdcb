import { flagOf, readSettings, serve, settingsSchema, variableOf } from "@millrace/server";
import { type Command, Option } from "commander";
import { createLog } from "../log.ts";
import type { Output } from "../output.ts";

/** `millrace serve`. */
export function addServe(program: Command, output: Output): void {
  const command = program
    .command("serve")
    .description("start the service: API, event streams and engine in one process")
    .option("--config <file>", "a YAML or JSON file with settings (MILLRACE_CONFIG)");
  addSettingFlags(command);
  command
    .addHelpText(
      "after",
      "\nA flag wins over its environment variable, that over the config file.\n\nExamples:\n  $ millrace serve\n  $ millrace serve --port 0 --data-dir /var/lib/millrace --configs-dir pipelines\n  $ MILLRACE_PORT=9000 millrace serve",
    )
    .action(async (flags: Record<string, unknown>) => {
      const { config, ...rest } = flags;
      const { settings, warnings } = readSettings({
        flags: Object.fromEntries(Object.entries(rest).map(([name, value]) => [toSnakeCase(name), value])),
        env: process.env,
        configFile: typeof config === "string" ? config : undefined,
      });
      const log = createLog(settings.log_level);
      for (const warning of warnings) log.warn(warning);
      const server = await serve(settings, log);
      surviveAdapters(server.service.executions, log);
      output.line(`Millrace listens on ${server.url}`);
      for (const hint of hints(server.url, settings.configs_dir)) output.note(hint);
      await stopSignal();
      await server.close();
      process.exit(0);
    });
}

/** A flag for each setting. */
function addSettingFlags(command: Command): void {
  for (const [name, schema] of Object.entries(settingsSchema.shape)) {
    const description = schema.description ?? "";
    const fallback = schema.safeParse(undefined).data;
    const shown =
      fallback === null || (Array.isArray(fallback) && fallback.length === 0) ? "" : `; default ${fallback}`;
    command.addOption(
      new Option(
        `${flagOf(name)} <value>`,
        `${description.charAt(0).toLowerCase()}${description.slice(1)} (${variableOf(name)}${shown})`,
      ),
    );
  }
}

/** What an adapter lets escape (a timer of its own that throws) fails its message, not the service. */
function surviveAdapters(
  engine: { blameError(error: unknown): boolean },
  log: { error(fields: object, text: string): void; fatal(fields: object, text: string): void },
): void {
  const onEscape = (error: unknown) => {
    if (engine.blameError(error)) {
      log.error({ err: error }, "an adapter let an error escape; its message has failed");
      return;
    }
    log.fatal({ err: error }, "unexpected error");
    process.exit(70);
  };
  process.on("uncaughtException", onEscape);
  process.on("unhandledRejection", onEscape);
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.on(signal, () => {
        // Twice means at once.
        if (asked) process.exit(signal === "SIGINT" ? 130 : 143);
        asked = true;
        resolve();
      });
    }
  });
}

function hints(url: string, configsDir: string | null): string[] {
  return [
    "",
    "Try next, in another terminal:",
    ...(configsDir === null
      ? []
      : [
          "  npx millrace configs list                    what there is to run",
          "  npx millrace configs run readmes --watch     run one and watch it live",
        ]),
    `  curl -N ${url}/api/v1/executions/ID/events   watch a run with nothing but curl`,
    `  ${url}/docs   the API, to be browsed`,
    "  npx millrace run examples/readmes.yaml       a run in one process, without this server",
    "",
  ];
}

function toSnakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
