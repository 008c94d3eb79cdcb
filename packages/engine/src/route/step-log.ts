import type { JsonObject } from "@millrace/protocol";
import type { AdapterLog } from "../adapter.ts";
import type { Step } from "../definition/definition.ts";
import type { Flow } from "./flow.ts";
import { redact } from "./redact.ts";

/**
 * The log of a step at work on a message: each line says of which (docs/guides/logging.md), and none the secrets of the
 * step's configuration.
 */
export function stepLog(log: (fields: Record<string, unknown>) => AdapterLog, flow: Flow, step: Step): AdapterLog {
  const { host, message } = flow;
  const lines = log({
    execution_id: host.executionId,
    root_correlation_id: host.rootCorrelationId,
    route: message.route,
    adapter: step.name,
    message_id: message.id,
    correlation_id: message.id,
    attempt: message.attempt,
    ...host.trace?.logFields(message, step),
  });
  if (step.redactor === null) return lines;
  const write = (level: keyof AdapterLog) => (text: string, fields?: JsonObject) =>
    lines[level](redact(String(text), step), fields === undefined ? undefined : withoutSecrets(fields, step));
  return { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
}

function withoutSecrets(fields: JsonObject, step: Step): JsonObject {
  try {
    return JSON.parse(redact(JSON.stringify(fields), step));
  } catch {
    // A secret may be a piece of what makes it JSON.
    return { fields: "cannot be shown" };
  }
}
