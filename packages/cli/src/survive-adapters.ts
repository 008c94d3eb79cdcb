import type { Logger } from "pino";

/** What an adapter lets escape (a timer of its own that throws) fails its message, not the process. */
export function surviveAdapters(
  engine: { blameError(error: unknown): boolean },
  log: Pick<Logger, "error" | "fatal">,
): void {
  const onEscape = (error: unknown) => {
    if (engine.blameError(error)) {
      log.error({ err: error }, "an adapter let an error escape; its message has failed");
      return;
    }
    log.fatal({ err: error }, "unexpected error");
    process.exit(70);
  };
  process.on("uncaughtException", onEscape);
  process.on("unhandledRejection", onEscape);
}
