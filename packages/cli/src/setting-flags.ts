import {
  flagOf,
  readSettings,
  type SettingSources,
  type Settings,
  settingsSchema,
  variableOf,
} from "@millrace/server/settings";
import { type Command, Option } from "commander";

/** Adds `--config` and a flag for each setting. */
export function addSettingFlags(command: Command): void {
  command.option("--config <file>", "a YAML or JSON file with settings (MILLRACE_CONFIG)");
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

/**
 * The settings that such a command line, the environment and the config file make together.
 * @throws MillraceError SETTING_INVALID
 */
export function settingsOf(flags: Record<string, unknown>): { settings: Settings; warnings: string[] } {
  return readSettings(settingSources(flags));
}

/** Where the settings of such a command line come from. */
export function settingSources(flags: Record<string, unknown>): SettingSources {
  const { config, ...rest } = flags;
  return {
    flags: Object.fromEntries(Object.entries(rest).map(([name, value]) => [toSnakeCase(name), value])),
    env: process.env,
    configFile: typeof config === "string" ? config : undefined,
  };
}

function toSnakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
