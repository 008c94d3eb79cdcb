import { onSignals } from "./interrupts.ts";

/** Resolves when the process is told to stop; told twice, it ends at once. */
export function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    onSignals(
      ["SIGTERM", "SIGINT"],
      () => resolve(),
      // Twice means at once.
      (signal) => process.exit(signal === "SIGINT" ? 130 : 143),
    );
  });
}
