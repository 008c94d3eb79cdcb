import { DEFAULT_PROJECT } from "@millrace/protocol";

/**
 * What a name stands for, of what has it as its tag, at most two of which are looked at: within a project that is one at
 * most; over all projects, that of `default` comes before the others, and none where these are several.
 * @param found sorted so that the default project's is the first
 */
export function oneOfName<T extends { readonly project: unknown }>(found: readonly T[]): T | undefined {
  const [first] = found;
  return found.length === 1 || first?.project === DEFAULT_PROJECT ? first : undefined;
}
