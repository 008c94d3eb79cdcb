import { resolve } from "node:path";
import type { Environment } from "@millrace/engine";
import type { Settings } from "../settings.ts";
import { EnvironmentSecrets } from "./environment-secrets.ts";
import { FolderSecrets } from "./folder-secrets.ts";
import type { SecretProvider } from "./secret-provider.ts";
import { Secrets } from "./secrets.ts";
import { VaultSecrets } from "./vault-secrets.ts";

/** The settings about secrets. */
export type SecretSettings = Pick<
  Settings,
  "secrets_dir" | "secrets_url" | "secrets_token_file" | "secrets_ttl" | "env_allow"
>;

/**
 * Where the settings say that secrets are: the environment first, as whoever starts the process has the last word, then
 * files, then the server. `restricted`: whether `${env:NAME}` reads nothing that `env_allow` does not name.
 */
export function openSecrets(
  settings: SecretSettings,
  env: Environment,
  restricted: boolean,
  warn: (text: string) => void,
): Secrets {
  const providers: SecretProvider[] = [new EnvironmentSecrets(env)];
  if (settings.secrets_dir !== null) providers.push(new FolderSecrets(resolve(settings.secrets_dir), warn));
  if (settings.secrets_url !== null) {
    providers.push(
      new VaultSecrets({
        url: settings.secrets_url,
        tokenFile: settings.secrets_token_file,
        token: env.MILLRACE_SECRETS_TOKEN,
        ttlMs: settings.secrets_ttl * 1000,
        now: Date.now,
      }),
    );
  }
  return new Secrets({ providers, env, variables: { allow: settings.env_allow, restricted } });
}
