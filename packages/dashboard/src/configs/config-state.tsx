import type { ConfigSummary } from "@millrace/client";
import { StateDot } from "../ui/state-dot.tsx";

/** Whether a config can be run, and why not. */
export function ConfigState({
  config: { is_runnable: isRunnable, is_active: isActive, validation_report: report },
}: {
  config: Pick<ConfigSummary, "is_runnable" | "is_active" | "validation_report">;
}) {
  const { error_count: errors, warning_count: warnings } = report;
  if (errors > 0) return <StateDot tone="bad" label={`${errors} ${errors === 1 ? "error" : "errors"}`} />;
  if (!isActive) return <StateDot tone="quiet" label="not active" />;
  if (!isRunnable) return <StateDot tone="bad" label="cannot be run" />;
  if (warnings > 0)
    return <StateDot tone="warning" label={`runnable, ${warnings} ${warnings === 1 ? "warning" : "warnings"}`} />;
  return <StateDot tone="good" label="runnable" />;
}
