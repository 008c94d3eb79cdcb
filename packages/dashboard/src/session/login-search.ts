/** What the address of the login page says. */
export interface LoginSearch {
  /** Why the last sign-in came to nothing. */
  readonly error?: string;
  /** The path to go on to. */
  readonly return_to?: string;
}

/** Reads it; what is no text is left out. */
export function readLoginSearch({ error, return_to: path }: Record<string, unknown>): LoginSearch {
  return {
    ...(typeof error === "string" ? { error } : {}),
    ...(typeof path === "string" ? { return_to: path } : {}),
  };
}
