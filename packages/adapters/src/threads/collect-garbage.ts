import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

let collect: (() => void) | undefined;

/**
 * Collects this thread's garbage. It counts as memory that is used, and the engine of JavaScript lets much of it come
 * together in a heap that is allowed to grow: what earlier messages left is not to be counted against the next one.
 */
export function collectGarbage(): void {
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    // The flag gives each new context the function.
    collect = runInNewContext("gc") as () => void;
  }
  collect();
}
