import { z } from "zod";

/** What a credential may do, from the least to the most; each includes those before it. */
export const SCOPES = ["read", "run", "write", "admin"] as const;

/**
 * A scope. `read`: look at everything of the project, streams included. `run`: start, end, replay and retry executions.
 * `write`: change configs, triggers and webhooks, and delete. `admin`: keys and the audit log.
 */
export const scopeSchema = z.enum(SCOPES);

/** @see scopeSchema */
export type Scope = z.infer<typeof scopeSchema>;

/** Whether one who has `granted` may do what asks for `needed`. */
export function includesScope(granted: readonly Scope[], needed: Scope): boolean {
  const least = SCOPES.indexOf(needed);
  return granted.some((scope) => SCOPES.indexOf(scope) >= least);
}

/** The project of everything that names no other. */
export const DEFAULT_PROJECT = "default";

/** A project's name: configs, executions and all that comes of them belong to one, and to others they are not there. */
export const projectSchema = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
    "a project's name has 1 to 63 lower-case letters, digits and inner dashes",
  );
