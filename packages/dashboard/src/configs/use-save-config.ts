import { notifications } from "@mantine/notifications";
import { ApiError, type Config } from "@millrace/client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { client } from "../client.ts";
import { readOutline } from "../yaml/outline.ts";
import { configQuery } from "./config-queries.ts";

/** A text to be stored, and what it was made of. */
export interface Change {
  readonly text: string;
  /** The version that was changed; null for a config that is not there yet. */
  readonly base: Config | null;
}

/** Stores a text as a config, or as the next version of one; says so afterwards. */
export function useSaveConfig(onSaved: (config: Config) => void) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ text, base }: Change) =>
      base === null
        ? client.configs.create({ config_yaml: text })
        : client.configs.update(base.id, {
            config_yaml: text,
            expected_version: base.version,
            ...renamed(text, base.config_yaml),
          }),
    onSuccess: (config) => {
      queries.setQueryData(configQuery(config.id).queryKey, config);
      void queries.invalidateQueries({ queryKey: ["configs"] });
      void queries.invalidateQueries({ queryKey: ["config", config.id, "versions"] });
      const { is_runnable: isRunnable, validation_report: report } = config;
      notifications.show({
        title: `Saved as version ${config.version}`,
        color: isRunnable ? "teal" : "orange",
        message: isRunnable
          ? "Runs that are started from now on use it."
          : report.is_valid
            ? "The config is not active, so it cannot be run."
            : `It has ${report.error_count} ${report.error_count === 1 ? "error" : "errors"} and cannot be run until they are mended.`,
      });
      onSaved(config);
    },
  });
}

/** Whether somebody else has stored a version meanwhile. */
export function isConflict(error: Error | null): boolean {
  return error instanceof ApiError && error.code === "CONFIG_CHANGED";
}

/** A pipeline that is given another name in its text has it in lists too. */
function renamed(text: string, before: string): { name?: string } {
  const name = readOutline(text, {})?.name;
  return name === undefined || name === null || name === readOutline(before, {})?.name ? {} : { name };
}
