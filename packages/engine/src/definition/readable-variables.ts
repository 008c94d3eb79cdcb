import { type Environment, hiddenVariable, type Looked, unsetVariable } from "./placeholder-source.ts";

/** Variables whose names say that they hold what opens something: the beginning of a name does not let them be read. */
const CREDENTIAL =
  /(?:^|_)(?:PASS|PASSWD|PASSWORD|PASSPHRASE|SECRET|SECRETS|TOKEN|KEY|APIKEY|PAT|AUTH|CREDENTIAL|CREDENTIALS|COOKIE|DSN)(?:_|$)|^PG(?:PASS|SERVICE)|^DATABASE_URL$|_(?:DATABASE|DB|REDIS|AMQP|MONGO|POSTGRES|NATS)_UR[IL]$/i;

/** What `${env:NAME}` may read. */
export interface VariableRules {
  /** Names, and beginnings as `APP_*`; null: as `restricted` says. */
  readonly allow: readonly string[] | null;
  /** Whether none may be read without `allow`; otherwise all but the service's own. */
  readonly restricted: boolean;
}

/** All but the service's own. */
export const NO_VARIABLE_RULES: VariableRules = { allow: null, restricted: false };

/** What a variable stands for in a pipeline: whoever may store one must not read the service's own through it. */
export function readVariable(name: string, env: Environment, { allow, restricted }: VariableRules): Looked {
  if (name.startsWith("MILLRACE_")) return hiddenVariable(name);
  if (allow !== null || restricted) {
    const named = allow?.includes(name) ?? false;
    const begun = (allow ?? []).some((rule) => rule.endsWith("*") && name.startsWith(rule.slice(0, -1)));
    if (!named && (!begun || CREDENTIAL.test(name))) {
      const shown = name.length <= 128 ? name : `${name.slice(0, 128)}…`;
      return {
        problem: "hidden",
        message: `The environment variable "${shown}" is none that pipelines may read`,
        suggestion: begun
          ? `Its name says that it is a credential: hand it over as a secret, and write \${secret:NAME}; or name it in full in env_allow.`
          : `Hand a secret over as one, and write \${secret:NAME}; or have ${shown} named in env_allow by whoever runs the service.`,
      };
    }
  }
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  return value === undefined ? unsetVariable(name) : { value };
}
