/** What secrets are kept for: a project, or all of them. */
export type SecretScope = { readonly project: string } | "shared";

/** A secret's value, or why it cannot be told whether there is one. */
export type Reading = { readonly value: string } | { readonly away: string };

/** How something that keeps secrets is. */
export interface ProviderHealth {
  readonly status: "healthy" | "degraded";
  readonly detail: string;
}

/** Something that keeps secrets. */
export interface SecretProvider {
  /**
   * Those of `names` that it has, or cannot be asked for; what it does not have is left out. Never rejects. No text in it
   * but the values is a secret.
   */
  read(scope: SecretScope, names: readonly string[]): Promise<ReadonlyMap<string, Reading>>;
  /** Null where there is nothing to say. */
  health(): ProviderHealth | null;
}

/** The project of all that names none. */
export const DEFAULT_PROJECT = "default";

/** Names that may stand for a project in the place where its secrets are: nothing that leads elsewhere. */
const PLAIN_PROJECT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** How a scope is called where its secrets are; null for a project that can have none there. */
export function placeOf(scope: SecretScope): string | null {
  if (scope === "shared") return "_shared";
  return PLAIN_PROJECT.test(scope.project) ? scope.project : null;
}
