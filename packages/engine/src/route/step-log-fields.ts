import type { Step } from "../definition/definition.ts";
import type { Flow } from "./flow.ts";

/** What every line of the log that an adapter writes says of its message (docs/guides/logging.md). */
export function stepLogFields({ host, message }: Flow, step: Step): Record<string, unknown> {
  return {
    execution_id: host.executionId,
    root_correlation_id: host.rootCorrelationId,
    route: message.route,
    adapter: step.name,
    message_id: message.id,
    correlation_id: message.id,
    attempt: message.attempt,
    ...host.trace?.logFields(message, step),
  };
}
