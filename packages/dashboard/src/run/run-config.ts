import type { Execution } from "@millrace/client";

/** Which config a run was started from, as its snapshot tells it; null where it was run from a file. */
export function configOf({ config_snapshot: snapshot }: Pick<Execution, "config_snapshot">): {
  name: string | null;
  version: number | null;
} {
  const { name, version } = snapshot;
  return {
    name: typeof name === "string" ? name : null,
    version: typeof version === "number" ? version : null,
  };
}

/** Whether it runs as a part of another execution's work. */
export function isPart({ metadata }: { readonly metadata: Readonly<Record<string, unknown>> }): boolean {
  return "subpipeline" in metadata;
}
