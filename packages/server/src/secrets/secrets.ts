import {
  type Environment,
  knownSecrets,
  type Looked,
  type PlaceholderSource,
  readVariable,
  unsetSecret,
  type VariableRules,
} from "@millrace/engine";
import { DEFAULT_PROJECT, type ProviderHealth, type SecretProvider, type SecretScope } from "./secret-provider.ts";

/** What secrets stand on. */
export interface SecretsParts {
  /** Asked in this order: the first that has a secret is right. */
  readonly providers: readonly SecretProvider[];
  readonly env: Environment;
  readonly variables: VariableRules;
}

/**
 * The values of `${secret:NAME}` and `${env:NAME}`. A project has its own secrets, and those that are shared by all; its
 * own are right where both are there. Each value that is handed out is known to the process from then on, and blacked out
 * of whatever it says.
 */
export class Secrets {
  readonly #parts: SecretsParts;

  constructor(parts: SecretsParts) {
    this.#parts = parts;
  }

  /** What the pipelines of a project may use. */
  of(project: string = DEFAULT_PROJECT): PlaceholderSource {
    const { env, variables } = this.#parts;
    return {
      variable: (name) => readVariable(name, env, variables),
      secrets: (names) => this.#lookUp(project, names),
    };
  }

  /** One secret of a project. */
  async one(name: string, project: string = DEFAULT_PROJECT): Promise<Looked> {
    return (await this.#lookUp(project, [name])).get(name) ?? unsetSecret(name);
  }

  /** Whether all of them are as they were. */
  async areStill(values: ReadonlyMap<string, string>, project: string = DEFAULT_PROJECT): Promise<boolean> {
    if (values.size === 0) return true;
    const now = await this.#lookUp(project, [...values.keys()]);
    return [...values].every(([name, value]) => {
      const looked = now.get(name);
      return looked !== undefined && "value" in looked && looked.value === value;
    });
  }

  /** How what keeps them is; null where only the environment does. */
  health(): ProviderHealth | null {
    const told = this.#parts.providers.map((provider) => provider.health()).filter((health) => health !== null);
    return told.find(({ status }) => status !== "healthy") ?? told[0] ?? null;
  }

  async #lookUp(project: string, names: readonly string[]): Promise<ReadonlyMap<string, Looked>> {
    const found = new Map<string, Looked>();
    const scopes: SecretScope[] = [{ project }, "shared"];
    for (const scope of scopes) {
      for (const provider of this.#parts.providers) {
        const wanted = names.filter((name) => !found.has(name));
        if (wanted.length === 0) return found;
        for (const [name, reading] of await provider.read(scope, wanted)) {
          if ("value" in reading) {
            knownSecrets.add(name, reading.value);
            found.set(name, reading);
          } else {
            // Not looked for any further: what comes after might be another value.
            found.set(name, {
              problem: "away",
              message: `The secret "${name}" cannot be had at present: ${reading.away}`,
              suggestion:
                "It is asked for again by itself; the component secrets of /health/ready says when it can be had.",
            });
          }
        }
      }
    }
    for (const name of names) if (!found.has(name)) found.set(name, unset(name, project));
    return found;
  }
}

function unset(name: string, project: string): Looked {
  if (project === DEFAULT_PROJECT) return unsetSecret(name, ", or put it where secrets_dir or secrets_url leads");
  return {
    problem: "unset",
    message: `The project "${project}" has no secret "${name.slice(0, 128)}"`,
    suggestion: "Whoever runs the service can add it to the project's, or share it with all projects.",
  };
}
