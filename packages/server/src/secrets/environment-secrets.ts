import type { Environment } from "@millrace/engine";
import { SECRET_PREFIX } from "@millrace/engine";
import { DEFAULT_PROJECT, type Reading, type SecretProvider, type SecretScope } from "./secret-provider.ts";

/** `MILLRACE_SHARED_SECRET_NAME` is a secret of all projects. */
const SHARED_PREFIX = "MILLRACE_SHARED_SECRET_";

/** Only names that a variable's name stands for alone: `my-team` is MY_TEAM, which is no other project's. */
const OWN_PROJECT = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;

/**
 * Secrets in the environment: `MILLRACE_SECRET_NAME` of the default project, `MILLRACE_SECRET_PROJECT__NAME` of another.
 * A name with two underscores in a row is none here, nor, of another project, one that begins with an underscore: no
 * variable can then be read as a secret of two projects.
 */
export class EnvironmentSecrets implements SecretProvider {
  readonly #env: Environment;

  constructor(env: Environment) {
    this.#env = env;
  }

  async read(scope: SecretScope, names: readonly string[]): Promise<ReadonlyMap<string, Reading>> {
    const found = new Map<string, Reading>();
    for (const name of names) {
      const variable = variableOf(scope, name);
      const value = variable !== null && Object.hasOwn(this.#env, variable) ? this.#env[variable] : undefined;
      if (value !== undefined) found.set(name, { value });
    }
    return found;
  }

  health(): null {
    return null;
  }
}

/** The variable that a secret is in; null where none is its own. */
export function variableOf(scope: SecretScope, name: string): string | null {
  if (scope === "shared") return `${SHARED_PREFIX}${name}`;
  if (name.includes("__")) return null;
  if (scope.project === DEFAULT_PROJECT) return `${SECRET_PREFIX}${name}`;
  if (name.startsWith("_") || !OWN_PROJECT.test(scope.project)) return null;
  return `${SECRET_PREFIX}${scope.project.replaceAll("-", "_").toUpperCase()}__${name}`;
}
