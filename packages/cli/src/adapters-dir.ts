/** The folder of the user's own adapters, as a command without a service finds it: the flag, else the variable. */
export function adaptersDirOf(options: { readonly adaptersDir?: string }): string | null {
  // An empty variable is one that is not set, as with every other.
  return options.adaptersDir ?? (process.env.MILLRACE_ADAPTERS_DIR || null);
}
