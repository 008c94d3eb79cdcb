import { AdapterError } from "@millrace/engine";
import type { Logger } from "pino";

/** How long what an adapter did to the process may take to be told, in milliseconds. */
const TELL_MS = 2_000;

/** What can say whose code is running. */
export interface Blaming {
  /**
   * Fails the message whose adapter runs this with the error. Resolves when that is committed; null where it is no adapter's
   * code.
   */
  blameEnd(error: AdapterError): Promise<void> | null;
}

/**
 * Lets an adapter that calls `process.exit` end the process only when its message has failed with ADAPTER_EXITED: where the
 * journal is behind a network, nothing can be told once the process ends. Otherwise the message would be tried on one node
 * after the other. For the adapter the call throws. Returns what takes it back.
 */
export function tellOfExits(nodes: Blaming, log: Pick<Logger, "error">): () => void {
  const exit = process.exit;
  process.exit = (code) => {
    const error = new AdapterError("ADAPTER_EXITED", "The adapter ended the process.");
    const told = nodes.blameEnd(error);
    if (told === null) return exit.call(process, code);
    log.error("an adapter ends the process");
    const over = new Promise((resolve) => setTimeout(resolve, TELL_MS));
    // 0 would say that all is done.
    Promise.race([told.catch(() => undefined), over]).then(() => exit.call(process, code || 1));
    throw error;
  };
  return () => {
    process.exit = exit;
  };
}
