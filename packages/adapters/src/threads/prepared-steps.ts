import type { AnyAdapter } from "@millrace/engine";
import { AdapterError } from "@millrace/engine";
import type { AdapterSource } from "../adapter-source.ts";
import type { AdapterGrants } from "../environment.ts";
import { loadUserAdapter } from "../user-adapter.ts";
import type { RunRequest } from "./thread-messages.ts";

/** An adapter with its configuration, ready to take messages. */
export interface PreparedStep {
  readonly adapter: AnyAdapter;
  readonly config: unknown;
  readonly prepared: unknown;
}

/** Steps that a thread keeps ready. */
const MAX_KEPT = 64;

/** By the step of the execution, the one that was used last at the end. */
const steps = new Map<string, PreparedStep>();

/** The step of a request that is ready in this thread; undefined where it is not. */
export function preparedStep({ stepKey }: RunRequest): PreparedStep | undefined {
  const known = steps.get(stepKey);
  if (known !== undefined) {
    steps.delete(stepKey);
    steps.set(stepKey, known);
  }
  return known;
}

/** Loads the step's adapter, checks its configuration and prepares it. */
export async function prepareStep(
  { source, stepKey, configJson }: RunRequest,
  grants: AdapterGrants,
): Promise<PreparedStep> {
  const adapter = await load(source, grants);
  // The service has checked it already: what comes of it is what counts here.
  const config: unknown = await adapter.config.parseAsync(JSON.parse(configJson));
  const step = { adapter, config, prepared: adapter.prepare?.(config) };
  const [oldest] = steps.keys();
  if (steps.size >= MAX_KEPT && oldest !== undefined) steps.delete(oldest);
  steps.set(stepKey, step);
  return step;
}

/** The built-in adapters of this thread: made once, as they share connections. */
let builtin: readonly AnyAdapter[] | null = null;

async function load(source: AdapterSource, grants: AdapterGrants): Promise<AnyAdapter> {
  if (source.kind === "file") return loadUserAdapter(source.file);
  if (builtin === null) {
    // Only in threads that need it: to load them all takes longer than to start a thread.
    const [{ makeBuiltinAdapters }, { adapterEnvironment }] = await Promise.all([
      import("../builtin.ts"),
      import("../environment.ts"),
    ]);
    builtin ??= makeBuiltinAdapters(adapterEnvironment(grants));
  }
  const adapter = builtin.find(({ type }) => type === source.type);
  if (adapter === undefined) throw new AdapterError("ADAPTER_ERROR", `There is no adapter "${source.type}".`);
  return adapter;
}
