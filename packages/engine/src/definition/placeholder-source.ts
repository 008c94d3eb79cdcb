/** The environment, as callers hand it in. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A `${secret:NAME}` is the environment variable of this prefix and NAME, where nothing else keeps secrets. */
export const SECRET_PREFIX = "MILLRACE_SECRET_";

/** What a placeholder stands for, or why it stands for nothing. */
export type Looked =
  | { readonly value: string }
  /** `hidden`: pipelines may not read it. `away`: whether it is set cannot be said at present. */
  | { readonly problem: "unset" | "hidden" | "away"; readonly message: string; readonly suggestion: string };

/** Where the values of placeholders come from, for the pipelines of one project. */
export interface PlaceholderSource {
  /** `${env:NAME}`. */
  variable(name: string): Looked;
  /** `${secret:NAME}`, several at a time. Never rejects. */
  secrets(names: readonly string[]): Promise<ReadonlyMap<string, Looked>>;
}

/** An environment: each of its variables, and as secrets those that begin with `MILLRACE_SECRET_`. */
export function environmentSource(env: Environment): PlaceholderSource {
  const find = (name: string) => (Object.hasOwn(env, name) ? env[name] : undefined);
  return {
    variable(name) {
      if (name.startsWith("MILLRACE_")) return hiddenVariable(name);
      const value = find(name);
      return value === undefined ? unsetVariable(name) : { value };
    },
    async secrets(names) {
      return new Map(
        names.map((name) => {
          const value = find(`${SECRET_PREFIX}${name}`);
          return [name, value === undefined ? unsetSecret(name) : { value }] as const;
        }),
      );
    },
  };
}

/** A variable that is not there. */
export function unsetVariable(name: string): Looked {
  return {
    problem: "unset",
    message: `The environment variable "${shorten(name)}" is not set`,
    suggestion: `Set ${shorten(name)} for the process that validates and runs the pipeline.`,
  };
}

/** A variable of the service's own. */
export function hiddenVariable(name: string): Looked {
  const secret = name.startsWith(SECRET_PREFIX) ? name.slice(SECRET_PREFIX.length) : "";
  return {
    problem: "hidden",
    message: `The environment variable "${shorten(name)}" is the service's own, and no pipeline may read it`,
    suggestion:
      secret === ""
        ? "Hand the value over as a secret of its own, and write ${secret:NAME}."
        : `Write \${secret:${shorten(secret)}}.`,
  };
}

/** A secret that is not there. */
export function unsetSecret(name: string, where = ""): Looked {
  return {
    problem: "unset",
    message: `The secret "${shorten(name)}" is not set`,
    suggestion: `Set the environment variable ${SECRET_PREFIX}${shorten(name)} for the process${where}.`,
  };
}

function shorten(name: string): string {
  return name.length <= 128 ? name : `${name.slice(0, 128)}…`;
}
