import type { AdapterLog } from "../adapter.ts";
import type { Execution } from "../execution/execution.ts";
import type { Placement } from "./placement.ts";

/** How long a shutdown waits until what it leaves is released, in milliseconds. */
const RELEASE_PATIENCE_MS = 3_000;

/**
 * Gives executions that are paused back, so that other nodes go on with them at once. Where that cannot be said they do
 * when this node's lease has run out.
 */
export async function releaseExecutions(
  executions: readonly Execution[],
  { ownership, announce }: Placement,
  log: AdapterLog,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise((resolve) => {
    timer = setTimeout(resolve, RELEASE_PATIENCE_MS);
  });
  const release = Promise.all(executions.map(({ lastWords }) => lastWords))
    .then(() => ownership.release(executions.map(({ id }) => id)))
    .then(() => announce());
  await Promise.race([release, patience]).catch((error) => log.warn(`Executions are not released: ${error}`));
  clearTimeout(timer);
}
