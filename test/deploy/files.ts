import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readSettings, type Settings } from "@millrace/server/settings";
import { ROOT } from "../docs/pages.ts";

/** The folder of deployment files. */
export const DEPLOY = join(ROOT, "deploy");

export function read(path: string): string {
  return readFileSync(join(DEPLOY, path), "utf8");
}

/** The settings that a service gets from these variables; fails where one of them is none, or does not fit. */
export function settingsOf(env: Readonly<Record<string, string>>): Settings {
  const { settings, warnings } = readSettings({ flags: {}, env, configFile: undefined });
  assert.deepEqual(warnings, []);
  return settings;
}

/** The variables that compose.yaml asks for. */
export const ENVIRONMENT: Readonly<Record<string, string>> = {
  POSTGRES_PASSWORD: "secret1",
  NATS_PASSWORD: "secret2",
  MILLRACE_ADMIN_KEY: "secret3-secret3-secret3-secret3-secret3",
};

/** A text of compose.yaml with its variables filled in, as Compose does it. */
export function filledIn(text: string): string {
  return text.replace(
    /\$\{(\w+):[?-]([^}]*)\}/g,
    (_, name: string, otherwise: string) => ENVIRONMENT[name] ?? otherwise,
  );
}
