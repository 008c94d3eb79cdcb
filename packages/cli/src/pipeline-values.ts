import type { PlaceholderSource } from "@millrace/engine";

/** The settings that say where the values of placeholders come from. */
const VARIABLES = [
  "MILLRACE_SECRETS_DIR",
  "MILLRACE_SECRETS_URL",
  "MILLRACE_SECRETS_TOKEN_FILE",
  "MILLRACE_SECRETS_TTL",
  "MILLRACE_ENV_ALLOW",
];

/**
 * What `${env:…}` and `${secret:…}` stand for in a command that runs no service: the same as in a service with this
 * environment. Undefined where that says nothing beyond its variables.
 * @throws MillraceError SETTING_INVALID
 */
export async function pipelineValues(
  env: NodeJS.ProcessEnv,
  warn: (text: string) => void,
): Promise<PlaceholderSource | undefined> {
  const named = Object.entries(env).filter(([name]) => VARIABLES.includes(name));
  const shared = Object.keys(env).some((name) => name.startsWith("MILLRACE_SHARED_SECRET_"));
  if (named.length === 0 && !shared) return undefined;
  const [{ readSettings }, { openSecrets }] = await Promise.all([
    import("@millrace/server/settings"),
    import("@millrace/server/secrets"),
  ]);
  const { settings } = readSettings({ flags: {}, env: Object.fromEntries(named), configFile: undefined });
  return openSecrets(settings, env, false, warn).of();
}
